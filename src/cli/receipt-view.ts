import { phaseTitle } from '../migration/phases.ts';
import type { Decision, Receipt } from '../migration/receipt.ts';
import { formatBytes, formatMs } from '../model/units.ts';
import { compressionText, forecastText } from './forecast-text.ts';
import { bar, type Look, padEnd, padStart, wrap } from './look.ts';
import { renderPhases } from './phase-timeline.ts';
import { renderRounds } from './rounds-view.ts';
import { renderFacts } from './table.ts';
import { formatTime } from './times.ts';

const INDENT = '  ';
/** Where the values of facts begin: behind the longest label and a gap. */
const FACT_INDENT = 'frames duplicated'.length + 2;

/** The receipt as a page: what happened, totals, phases on a time line, rounds, blackout, decisions, what is missing. */
export function renderReceipt(receipt: Receipt, look: Look): string {
  const inner: Look = { ...look, columns: look.columns - INDENT.length };
  const sections: (readonly [title: string, body: string])[] = [
    ['Totals', totals(receipt, inner)],
    ['Phases', renderPhases(receipt, inner)],
    ['Rounds', renderRounds(receipt.rounds, inner)],
    ['Blackout', blackout(receipt, inner)],
    ['Network', network(receipt, inner)],
    ['Decisions', decisions(receipt, inner)],
    ['Not measured', notMeasured(receipt, inner)],
  ];
  const shown = sections
    .filter(([, body]) => body !== '')
    .map(([title, body]) => `${look.paint('bold', title)}\n${indent(body)}`);
  return [headline(receipt, look), ...shown].join('\n\n');
}

function headline(receipt: Receipt, look: Look): string {
  const way = `from ${receipt.source} to ${receipt.destination}`;
  const within = { columns: look.columns, indent: 2 };
  if (receipt.outcome === 'completed') {
    const still = receipt.blackoutMs === null ? '' : `; the guest stood still for ${formatMs(receipt.blackoutMs)}`;
    return (
      look.paint('green', '✔ ') + wrap(`${receipt.vm} moved ${way} in ${formatMs(receipt.totalMs)}${still}.`, within)
    );
  }
  const what = receipt.outcome === 'cancelled' ? 'was cancelled' : 'failed';
  const text = `The migration of ${receipt.vm} ${way} ${what} in ${phaseTitle(receipt.endedIn)}: ${receipt.reason ?? 'no reason recorded'}`;
  return look.paint(receipt.outcome === 'cancelled' ? 'yellow' : 'red', '✘ ') + wrap(text, within);
}

function totals(receipt: Receipt, look: Look): string {
  const forecast = (ms: number | null) => (ms === null ? [] : [`forecast ${formatMs(ms)}`]);
  const noted = (ms: number | null, notes: readonly string[]) =>
    measured(ms, formatMs) + (notes.length === 0 ? '' : `  (${notes.join(', ')})`);
  const transferred =
    receipt.transferredBytes === null
      ? 'not measured'
      : `${formatBytes(receipt.transferredBytes)} for ${formatBytes(receipt.memoryBytes)} of memory`;
  return renderFacts(
    [
      ['id', receipt.id],
      ['started', formatTime(receipt.startedAt)],
      [
        'mode',
        `${receipt.mode}, memory ${receipt.encrypted ? 'under TLS' : 'in the clear'}, ${compressionText(receipt.compression)}`,
      ],
      ['total', noted(receipt.totalMs, forecast(receipt.forecast.totalMs))],
      ['blackout', noted(receipt.blackoutMs, [budgetText(receipt, look), ...forecast(receipt.forecast.blackoutMs)])],
      ['network gap', measured(receipt.networkGapMs, formatMs)],
      ['transferred', transferred],
      ['forecast', wrap(forecastText(receipt.forecast), { columns: look.columns, indent: 'network gap'.length + 2 })],
    ],
    look,
  );
}

/** A budget is never exceeded silently. */
function budgetText({ blackoutMs, budgetMs, budgetUsedMs }: Receipt, look: Look): string {
  const exceeded = blackoutMs !== null && blackoutMs > budgetMs;
  const widened = budgetUsedMs > budgetMs ? `, widened to the ${formatMs(budgetUsedMs)} that the user allowed` : '';
  if (!exceeded) return `budget ${formatMs(budgetMs)}${widened}`;
  const text = `over the budget of ${formatMs(budgetMs)}${widened}`;
  return look.paint(blackoutMs <= budgetUsedMs ? 'yellow' : 'red', text);
}

function blackout(receipt: Receipt, look: Look): string {
  const parts: (readonly [label: string, ms: number | null])[] = [
    ['to the last page', receipt.blackout.stopToLastPageMs],
    ['device state', receipt.blackout.deviceStateMs],
    ['GO to the destination', receipt.blackout.goMs],
    ['guest resumes', receipt.blackout.resumeMs],
  ];
  // With the two parts before it unknown, their sum is all there is to show.
  if (receipt.blackout.stopToLastPageMs === null && receipt.blackout.deviceStateMs === null) {
    parts.splice(0, 2, ['to the commit point', receipt.blackout.stopToCompletedMs]);
  }
  if (parts.every(([, ms]) => ms === null)) return '';
  const labelWidth = Math.max(...parts.map(([label]) => label.length));
  const barWidth = Math.max(6, Math.min(40, look.columns - labelWidth - 16));
  const sumMs = parts.reduce((sum, [, ms]) => sum + (ms ?? 0), 0) || 1;
  const lines = parts.map(([label, ms]) => {
    const figure = padStart(measured(ms, formatMs, '–'), 9);
    return `${padEnd(label, labelWidth)}  ${figure}  ${look.paint('yellow', bar((ms ?? 0) / sumMs, barWidth))}`.trimEnd();
  });
  if (receipt.clockErrorMs !== null) {
    lines.push(look.paint('dim', `clocks of the two nodes known to ± ${formatMs(receipt.clockErrorMs)}`));
  }
  return lines.join('\n');
}

function network(receipt: Receipt, look: Look): string {
  const { framesHeld, framesReplayed, framesLost, framesDuplicated, method, methodReason, probe } = receipt.network;
  const frames: readonly (readonly [label: string, count: number | null])[] = [
    ['frames held', framesHeld],
    ['frames replayed', framesReplayed],
    ['frames duplicated', framesDuplicated],
    ['frames lost', framesLost],
  ];
  if (method === null && probe === null && frames.every(([, count]) => count === null)) return '';
  const methodText = method === null ? 'the traffic was not moved' : METHODS[method];
  const reasoned = methodReason === null ? methodText : `${methodText}: ${methodReason}`;
  return renderFacts(
    [
      ['method', wrap(reasoned, { columns: look.columns, indent: FACT_INDENT })],
      ...frames.map(([label, count]) => [label, measured(count, String)] as const),
      ['probe', probe === null ? 'none' : `${probe.kind}, every ${formatMs(probe.intervalMs)}`],
    ],
    look,
  );
}

const METHODS = {
  mirror: 'mirrored to the destination',
  announcement: 'announced anew from the destination',
} as const;

function decisions(receipt: Receipt, look: Look): string {
  return receipt.decisions.map((decision) => decisionLine(decision, receipt.startedAt, look)).join('\n');
}

function decisionLine(decision: Decision, startedAt: string, look: Look): string {
  const sinceStartMs = Date.parse(decision.at) - Date.parse(startedAt);
  const at = padStart(Number.isNaN(sinceStartMs) ? '' : `+${formatMs(Math.max(0, sinceStartMs))}`, 9);
  return `${look.paint('dim', at)}  ${wrap(`${decision.what}: ${decision.why}`, { columns: look.columns, indent: 11 })}`;
}

/** One reason often holds for several values. */
function notMeasured(receipt: Receipt, look: Look): string {
  const pathsByReason = Map.groupBy(Object.entries(receipt.notMeasured), ([, reason]) => reason);
  return [...pathsByReason]
    .map(([reason, entries]) => {
      const paths = entries.map(([path]) => path).join(', ');
      const head = look.paint('dim', wrap(paths, { columns: look.columns, indent: 0 }));
      return `${head}\n${INDENT}${wrap(reason, { columns: look.columns, indent: INDENT.length })}`;
    })
    .join('\n');
}

function measured(value: number | null, format: (value: number) => string, absent = 'not measured'): string {
  return value === null ? absent : format(value);
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? line : INDENT + line))
    .join('\n');
}
