import type { MigrationProgress } from '../migration/migration.ts';
import type { Receipt } from '../migration/receipt.ts';
import type { Context } from './context.ts';
import { LiveArea } from './live-area.ts';
import { describeChanges, progressPercent, renderProgress } from './progress-view.ts';

const REDRAW_MS = 100;

export interface ProgressDisplay {
  show(progress: MigrationProgress): void;
  note(text: string): void;
  /** All phases as the receipt has them, the last ones of which are often passed unseen. */
  finish(receipt: Receipt): void;
  /** Leaves the terminal as it was found. May be called twice. */
  end(): void;
}

/** Redrawn in place on a terminal; one line for each change elsewhere; nothing with --json. */
export function showProgress(context: Context, first: MigrationProgress): ProgressDisplay {
  if (context.json)
    return { show: () => undefined, note: () => undefined, finish: () => undefined, end: () => undefined };
  return context.output.isTerminal ? showOnTerminal(context, first) : showAsLines(context, first);
}

function showAsLines(context: Context, first: MigrationProgress): ProgressDisplay {
  let shown: MigrationProgress | null = null;
  let noted = '';
  const show = (progress: MigrationProgress) => {
    for (const line of describeChanges(shown, progress)) context.output.print(line);
    shown = progress;
  };
  show(first);
  return {
    show,
    note: (text) => {
      if (text !== '' && text !== noted) context.output.print(`note: ${text}`);
      noted = text;
    },
    finish: (receipt) => {
      show(endOf(receipt, shown ?? first));
      context.output.print('');
    },
    end: () => undefined,
  };
}

function showOnTerminal(context: Context, first: MigrationProgress): ProgressDisplay {
  const area = new LiveArea(context.output);
  let progress = first;
  let heardAt = performance.now();
  let tick = 0;
  let percentMin = 0;
  let note = '';
  const draw = () => {
    percentMin = Math.max(percentMin, progressPercent(progress));
    const frame = { tick, percentMin, note, sinceHeardMs: performance.now() - heardAt };
    area.draw(renderProgress(progress, frame, context.output.look));
    tick += 1;
  };
  draw();
  const timer = setInterval(draw, REDRAW_MS);
  const end = () => {
    clearInterval(timer);
    area.end();
  };
  return {
    show: (next) => {
      progress = next;
      heardAt = performance.now();
    },
    note: (text) => {
      note = text;
    },
    finish: (receipt) => {
      progress = endOf(receipt, progress);
      note = '';
      draw();
      end();
      context.output.print('');
    },
    end,
  };
}

function endOf(receipt: Receipt, last: MigrationProgress): MigrationProgress {
  const { phases, rounds, outcome, endedIn, totalMs } = receipt;
  return { ...last, phases, rounds, outcome, phase: endedIn, elapsedMs: totalMs, remainingBytes: 0, remainingMs: null };
}
