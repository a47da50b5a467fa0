import { phaseTitle } from '../migration/phases.ts';
import type { Decision, Receipt, Round } from '../migration/receipt.ts';
import { formatBytes, formatMs } from '../model/units.ts';
import { bar, type Look, padEnd, padStart, wrap } from './look.ts';
import { renderPhases } from './phase-timeline.ts';
import { type Column, renderFacts, renderTable } from './table.ts';
import { formatTime } from './times.ts';

const INDENT = '  ';

/** The receipt as a page: what happened, totals, phases on a time line, rounds, blackout, decisions, what is missing. */
export function renderReceipt(receipt: Receipt, look: Look): string {
  const inner: Look = { ...look, columns: look.columns - INDENT.length };
  const sections: (readonly [title: string, body: string])[] = [
    ['Totals', totals(receipt, inner)],
    ['Phases', renderPhases(receipt, inner)],
    ['Rounds', rounds(receipt.rounds, inner)],
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
      ['mode', `${receipt.mode}, memory ${receipt.encrypted ? 'under TLS' : 'in the clear'}`],
      ['total', noted(receipt.totalMs, forecast(receipt.forecast.totalMs))],
      ['blackout', noted(receipt.blackoutMs, [budgetText(receipt, look), ...forecast(receipt.forecast.blackoutMs)])],
      ['network gap', measured(receipt.networkGapMs, formatMs)],
      ['transferred', transferred],
    ],
    look,
  );
}

/** A budget is never exceeded silently. */
function budgetText({ blackoutMs, budgetMs }: Receipt, look: Look): string {
  const exceeded = blackoutMs !== null && blackoutMs > budgetMs;
  return exceeded ? look.paint('red', `over the budget of ${formatMs(budgetMs)}`) : `budget ${formatMs(budgetMs)}`;
}

function rounds(list: readonly Round[], look: Look): string {
  if (list.length === 0) return '';
  const columns: Column<Round>[] = [
    { title: '#', align: 'right', value: (round) => String(round.round) },
    { title: 'time', align: 'right', value: (round) => formatMs(round.durationMs) },
    { title: 'sent', align: 'right', value: (round) => formatBytes(round.sentBytes) },
    { title: 'left', align: 'right', value: (round) => formatBytes(round.remainingBytes) },
    { title: 'dirtied', align: 'right', value: (round) => measured(round.dirtyBytesPerSecond, formatRate, '–') },
    { title: 'bandwidth', align: 'right', value: (round) => formatRate(round.bandwidthBytesPerSecond) },
  ];
  const lines = renderTable(list, columns, look).split('\n');
  const widest = Math.max(...lines.map((line) => line.length));
  const barWidth = Math.min(30, look.columns - widest - 2);
  if (barWidth < 6) return lines.join('\n');
  const sentMax = Math.max(1, ...list.map((round) => round.sentBytes));
  return lines
    .map((line, index) => {
      const round = list[index - 1];
      return round === undefined
        ? line
        : `${padEnd(line, widest)}  ${look.paint('cyan', bar(round.sentBytes / sentMax, barWidth))}`.trimEnd();
    })
    .join('\n');
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
  const { framesHeld, framesReplayed, framesLost, probe } = receipt.network;
  if (framesHeld === null && framesReplayed === null && framesLost === null && probe === null) return '';
  const count = (value: number | null) => measured(value, String);
  return renderFacts(
    [
      ['frames held', count(framesHeld)],
      ['frames replayed', count(framesReplayed)],
      ['frames lost', count(framesLost)],
      ['probe', probe === null ? 'none' : `${probe.kind}, every ${formatMs(probe.intervalMs)}`],
    ],
    look,
  );
}

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

export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(Math.round(bytesPerSecond))}/s`;
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? line : INDENT + line))
    .join('\n');
}
