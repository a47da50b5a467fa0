import type { Receipt } from './migration-figures.ts';

export type Samples = NonNullable<NonNullable<Receipt['network']['probe']>['samples']>;

/** Beside the gap so much is shown of what was usual: of its length, and in milliseconds at least. */
const BESIDE_RATIO = 1.5;
const BESIDE_MS_MIN = 80;

export interface ClientSight {
  readonly worstMs: number | null;
  /** Median of those that were answered. */
  readonly usualMs: number | null;
  readonly unanswered: number;
  /** The gap, from the stop on, in milliseconds; null where it is not in the samples. */
  readonly gap: readonly [fromMs: number, toMs: number] | null;
  /** The part worth looking at. */
  readonly around: readonly [fromMs: number, toMs: number];
}

/** Pure. `gapAtMs`: when the longest silence began, from the stop on; undefined in receipts of older versions. */
export function clientSight(
  { atMs, latencyMs }: Samples,
  { networkGapMs, gapAtMs }: { readonly networkGapMs: number | null; readonly gapAtMs: number | undefined },
): ClientSight {
  const answered = latencyMs.filter((ms) => ms !== null).sort((left, right) => left - right);
  const [firstMs, lastMs] = [atMs[0] ?? 0, Math.max(0, ...atMs.map((at, index) => at + (latencyMs[index] ?? 0)))];
  const whole = networkGapMs === null || gapAtMs === undefined ? null : ([gapAtMs, gapAtMs + networkGapMs] as const);
  const gap = whole !== null && whole[0] >= firstMs - 20 && whole[1] <= lastMs + 20 ? whole : null;
  const [fromMs, toMs] = gap ?? [0, worstEnd({ atMs, latencyMs })];
  const besideMs = Math.max(BESIDE_MS_MIN, (toMs - fromMs) * BESIDE_RATIO);
  return {
    worstMs: answered.at(-1) ?? null,
    usualMs: answered[Math.floor(answered.length / 2)] ?? null,
    unanswered: latencyMs.length - answered.length,
    gap,
    around: [Math.max(firstMs, Math.min(0, fromMs) - besideMs), Math.min(lastMs, Math.max(0, toMs) + besideMs)],
  };
}

function worstEnd({ atMs, latencyMs }: Samples): number {
  let end = 0;
  let worst = 0;
  for (const [index, ms] of latencyMs.entries()) {
    if (ms === null || ms <= worst) continue;
    worst = ms;
    end = (atMs[index] ?? 0) + ms;
  }
  return end;
}
