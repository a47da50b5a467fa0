/**
 * What to do after each round of pre-copy, and why.
 *
 * QEMU switches over by itself once `remaining / bandwidth` fits its downtime limit; this policy steers it through
 * that limit and through the throttle. The budget is never exceeded silently: the limit stays below it by what device state and
 * hand-off cost, and a guest that does not fit stays where it is.
 */

/** Device state, GO and `cont` together, in milliseconds, before this cluster has measured its own. */
export const FIXED_BLACKOUT_MS = 20;
const FIRST_LIMIT_MS = 25;
/** A round is progress if it leaves at least this much less than the best one before. */
const PROGRESS_FACTOR = 0.92;
const THROTTLE_STEPS_PERCENT = [30, 45, 60] as const;
const STALLED_ROUNDS_MAX = 2;

export interface RoundFigures {
  readonly remainingBytes: number;
  readonly bandwidthBytesPerSecond: number;
}

export interface ConvergenceInput {
  /** Ended rounds, oldest first; at least one. */
  readonly rounds: readonly RoundFigures[];
  readonly budgetMs: number;
  /** QEMU's downtime limit now, in milliseconds. */
  readonly downtimeLimitMs: number;
  /** Throttle ceiling set so far, 0 to 99. */
  readonly throttlePercentMax: number;
  /** Index of the round after which the last step was taken; -1 if none. Rounds before it do not count as stalled. */
  readonly steppedAtRound: number;
}

export type ConvergenceDecision =
  | { readonly action: 'next-round'; readonly reason: string }
  | { readonly action: 'raise-limit'; readonly downtimeLimitMs: number; readonly reason: string }
  | { readonly action: 'throttle'; readonly throttlePercentMax: number; readonly reason: string }
  | { readonly action: 'give-up'; readonly reason: string };

/** The largest downtime limit that keeps the blackout within the budget, in milliseconds, at least 1. */
export function largestLimitMs(budgetMs: number): number {
  return Math.max(1, Math.floor(budgetMs - FIXED_BLACKOUT_MS));
}

export function firstLimitMs(budgetMs: number): number {
  return Math.min(FIRST_LIMIT_MS, largestLimitMs(budgetMs));
}

/** How long the guest would stand still for its memory, in milliseconds. Infinity while nothing has been sent. */
export function memoryBlackoutMs(round: RoundFigures): number {
  if (round.remainingBytes === 0) return 0;
  return (round.remainingBytes / round.bandwidthBytesPerSecond) * 1000;
}

export function decideConvergence(input: ConvergenceInput): ConvergenceDecision {
  const { rounds, budgetMs, downtimeLimitMs, throttlePercentMax } = input;
  const last = rounds.at(-1);
  if (last === undefined) return { action: 'next-round', reason: 'no round has ended yet' };
  const expectedMs = memoryBlackoutMs(last);
  const limitMax = largestLimitMs(budgetMs);
  if (expectedMs <= limitMax && downtimeLimitMs < limitMax) {
    return {
      action: 'raise-limit',
      downtimeLimitMs: limitMax,
      reason: `what is left takes ${expectedMs.toFixed(1)} ms: it fits the budget of ${budgetMs} ms`,
    };
  }
  if (!hasStalled(input)) return { action: 'next-round', reason: 'each round leaves less than the one before' };
  const throttle = THROTTLE_STEPS_PERCENT.find((percent) => percent > throttlePercentMax);
  if (throttle !== undefined) {
    return {
      action: 'throttle',
      throttlePercentMax: throttle,
      reason: `the rounds no longer leave less; ${expectedMs.toFixed(0)} ms are left where ${limitMax} ms are allowed`,
    };
  }
  return {
    action: 'give-up',
    reason:
      `the guest dirties memory faster than the link carries it: a switchover now would take about ` +
      `${Math.round(expectedMs + FIXED_BLACKOUT_MS)} ms, the budget is ${budgetMs} ms, and the guest is throttled to the ceiling`,
  };
}

function hasStalled({ rounds, steppedAtRound }: ConvergenceInput): boolean {
  let best = Number.POSITIVE_INFINITY;
  let stalled = 0;
  rounds.forEach((round, index) => {
    if (round.remainingBytes < best * PROGRESS_FACTOR) stalled = 0;
    else if (index > steppedAtRound) stalled += 1;
    best = Math.min(best, round.remainingBytes);
  });
  return stalled >= STALLED_ROUNDS_MAX;
}
