import { formatBytes } from '../model/units.ts';
import type { Context } from './context.ts';
import { LiveArea } from './live-area.ts';

export interface TransferDisplay {
  /** `totalBytes` null: nobody knows. */
  show(doneBytes: number, totalBytes: number | null): void;
  /** Leaves the terminal as it was found. May be called twice. */
  end(): void;
}

const BAR_WIDTH = 30;
/** Elsewhere than on a terminal a line is written for each of these. */
const STEP_PERCENT = 25;

/** Redrawn in place on a terminal; a line for each quarter elsewhere; nothing with --json. */
export function showTransfer(context: Context, what: string): TransferDisplay {
  if (context.json) return { show: () => undefined, end: () => undefined };
  const { output } = context;
  if (!output.isTerminal) {
    let said = -1;
    return {
      show: (done, total) => {
        const step = total === null ? 0 : Math.floor((done / Math.max(total, 1)) * (100 / STEP_PERCENT));
        if (step > said) output.print(transferLine(what, done, total));
        said = Math.max(said, step);
      },
      end: () => undefined,
    };
  }
  const area = new LiveArea(output);
  return { show: (done, total) => area.draw([transferLine(what, done, total)]), end: () => area.clear() };
}

/** "debian.qcow2  ██████░░░░  40 %  160 MiB of 400 MiB" */
export function transferLine(what: string, done: number, total: number | null): string {
  if (total === null) return `${what}  ${formatBytes(done)}`;
  const share = Math.min(1, done / Math.max(total, 1));
  const full = Math.round(share * BAR_WIDTH);
  const bar = `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)}`;
  return `${what}  ${bar}  ${Math.floor(share * 100)} %  ${formatBytes(done)} of ${formatBytes(total)}`;
}
