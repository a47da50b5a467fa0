import type { MigrationView } from '../../../src/contract/migrations.ts';
import { type Round, subject } from './migration-figures.ts';

/** Lists of equal length, as charts want them: seconds since the copy began, bytes, bytes per second. */
export interface MemoryTimeline {
  readonly atS: readonly number[];
  readonly leftBytes: readonly number[];
  readonly sentBytes: readonly number[];
  readonly bandwidth: readonly (number | null)[];
  readonly dirtyRate: readonly (number | null)[];
  /** When each round ended. */
  readonly roundEndsS: readonly number[];
}

interface Point {
  readonly atMs: number;
  readonly leftBytes: number;
  readonly sentBytes: number;
  readonly bandwidth: number | null;
  readonly dirtyRate: number | null;
}

/**
 * The saw of pre-copy: within a round what is left falls to nothing, at its end what the guest rewrote meanwhile is left. Drawn from the
 * rounds, so that it looks the same while it runs, after a reload and in the receipt. Pure.
 */
export function memoryTimeline(view: MigrationView): MemoryTimeline | null {
  const { rounds, memoryBytes } = subject(view);
  const copyMs = copiedForMs(view);
  if (copyMs === null) return null;
  const points: Point[] = [];
  let [atMs, sentBytes, leftBytes] = [0, 0, memoryBytes];
  const roundEndsS: number[] = [];
  for (const round of rounds) {
    const rates = ratesOf(round);
    points.push({ atMs, leftBytes, sentBytes, ...rates });
    atMs += round.durationMs;
    sentBytes += round.sentBytes;
    points.push({ atMs, leftBytes: 0, sentBytes, ...rates });
    leftBytes = round.remainingBytes;
    roundEndsS.push(atMs / 1000);
  }
  points.push(...unfinished(view, { atMs, leftBytes, sentBytes }, Math.max(copyMs, atMs)));
  return {
    atS: points.map((point) => point.atMs / 1000),
    leftBytes: points.map((point) => point.leftBytes),
    sentBytes: points.map((point) => point.sentBytes),
    bandwidth: points.map((point) => point.bandwidth),
    dirtyRate: points.map((point) => point.dirtyRate),
    roundEndsS,
  };
}

/** The round that goes on, or in which it ended: its begin and where it stands. */
function unfinished(
  view: MigrationView,
  from: { readonly atMs: number; readonly leftBytes: number; readonly sentBytes: number },
  toMs: number,
): Point[] {
  const { rounds } = subject(view);
  const last = rounds.at(-1);
  const dirtyRate = last?.dirtyBytesPerSecond ?? null;
  if (view.state === 'open') {
    const { remainingBytes, transferredBytes, bandwidthBytesPerSecond } = view.progress;
    const bandwidth = bandwidthBytesPerSecond > 0 ? bandwidthBytesPerSecond : null;
    const sentBytes = Math.max(from.sentBytes, transferredBytes);
    return [
      { ...from, bandwidth, dirtyRate },
      { atMs: toMs, leftBytes: remainingBytes, sentBytes, bandwidth, dirtyRate },
    ];
  }
  const { transferredBytes, outcome } = view.receipt;
  const sentBytes = Math.max(from.sentBytes, transferredBytes ?? 0);
  const average = toMs > from.atMs ? ((sentBytes - from.sentBytes) / (toMs - from.atMs)) * 1000 : null;
  const bandwidth = last?.bandwidthBytesPerSecond ?? average;
  const leftBytes = outcome === 'completed' ? 0 : Math.max(0, from.leftBytes - (sentBytes - from.sentBytes));
  return [
    { ...from, bandwidth, dirtyRate },
    { atMs: toMs, leftBytes, sentBytes, bandwidth, dirtyRate },
  ];
}

function ratesOf({ bandwidthBytesPerSecond, dirtyBytesPerSecond }: Round) {
  return { bandwidth: bandwidthBytesPerSecond, dirtyRate: dirtyBytesPerSecond };
}

/** null: nothing was copied. In a completed migration the standstill belongs to it: the last pages go over then. */
function copiedForMs(view: MigrationView): number | null {
  const { phases } = subject(view);
  const copy = phases.find(({ name }) => name === 'iterative-pre-copy');
  if (copy === undefined) return null;
  return copy.durationMs + (phases.find(({ name }) => name === 'stop-and-copy')?.durationMs ?? 0);
}
