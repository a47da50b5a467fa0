import { MIGRATION_PHASES } from '../migration/phases.ts';
import type { Receipt } from '../migration/receipt.ts';
import { formatMs } from '../model/units.ts';
import { bar, type Look, padEnd, padStart } from './look.ts';

const FIGURE_WIDTH = 9;
const BAR_WIDTH_MIN = 8;

type TimedReceipt = Pick<Receipt, 'phases' | 'startedAt' | 'totalMs' | 'endedIn' | 'outcome'>;

/** The five phases, each with its time and where it lies within the whole migration. */
export function renderPhases(receipt: TimedReceipt, look: Look): string {
  const titleWidth = Math.max(...MIGRATION_PHASES.map((row) => row.title.length));
  const barWidth = Math.min(60, look.columns - titleWidth - FIGURE_WIDTH - 8);
  return MIGRATION_PHASES.map(({ phase, title }, index) => {
    const timing = receipt.phases.find((entry) => entry.name === phase);
    const failedHere = receipt.outcome !== 'completed' && receipt.endedIn === phase;
    const head = `${mark(timing !== undefined, failedHere, look)} ${index + 1} ${padEnd(title, titleWidth)}`;
    if (timing === undefined) return look.paint('dim', `${head}  ${padStart('–', FIGURE_WIDTH)}`);
    const figure = padStart(formatMs(timing.durationMs), FIGURE_WIDTH);
    if (barWidth < BAR_WIDTH_MIN) return `${head}  ${figure}`;
    const beginMs = Date.parse(timing.startedAt) - Date.parse(receipt.startedAt);
    const strip = placedBar({ beginMs, durationMs: timing.durationMs, totalMs: receipt.totalMs, width: barWidth });
    return `${head}  ${figure}  ${look.paint('cyan', strip)}`.trimEnd();
  }).join('\n');
}

function mark(reached: boolean, failedHere: boolean, look: Look): string {
  if (failedHere) return look.paint('red', '✘');
  return reached ? look.paint('green', '✔') : '·';
}

/** A bar that begins where the phase began. Whole columns, since a bar can only begin at one. */
function placedBar(span: { beginMs: number; durationMs: number; totalMs: number; width: number }): string {
  const total = Math.max(1, span.totalMs);
  const begin = Number.isNaN(span.beginMs) ? 0 : Math.min(1, Math.max(0, span.beginMs / total));
  const offset = Math.min(span.width - 1, Math.floor(begin * span.width));
  const fraction = Math.min(span.durationMs / total, 1 - offset / span.width);
  return ' '.repeat(offset) + (span.durationMs > 0 ? bar(fraction, span.width) : '▏');
}
