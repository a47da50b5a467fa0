/**
 * What to do after each round of pre-copy, and why.
 *
 * QEMU switches over by itself once `remaining / bandwidth of the last 100 ms` fits its downtime limit; this policy steers it through
 * that limit, the cache of xbzrle and the throttle. The limit never exceeds the budget less the fixed part of the blackout, so the
 * budget is kept by not switching over.
 *
 * Escalation, one step at a time: let QEMU switch over if what is left fits → more memory for xbzrle → slow the guest down →
 * widen the budget, if the user allowed it → give up.
 */
import type { TransferCompression } from '../model/intent.ts';
import { MEBIBYTE } from '../model/units.ts';

/** Device state, GO and `cont` together, in milliseconds, before this cluster has measured its own. */
export const FIXED_BLACKOUT_MS = 20;
export const FIRST_LIMIT_MS = 25;
/** A round is progress if it leaves at least this much less than the best one before. */
const PROGRESS_FACTOR = 0.92;
const THROTTLE_STEPS_PERCENT = [30, 45, 60] as const;
/** The guest is never slowed down by more than this. */
export const THROTTLE_CEILING_PERCENT = 60;
export const STALLED_ROUNDS_MAX = 2;
/** Short rounds are no sign yet: QEMU measures its bandwidth over windows of 100 ms. */
const PATIENCE_MS = 500;
/** QEMU looks at the dirty rate once a second at most, and throttles when it was too high twice. */
const THROTTLE_PATIENCE_MS = 2500;
/**
 * Without progress for this long, in milliseconds, no step but the last of each kind is tried any more. Looked at when a round
 * ends: without a wider budget the end comes at the latest after this time and three more rounds.
 */
export const STALL_MS_MAX = 20_000;
/** The bandwidth is taken over the newest rounds that lasted at least this long together, in milliseconds. */
const BANDWIDTH_WINDOW_MS = 300;
/** A widened budget leaves this much room above what is expected. */
const WIDEN_MARGIN = 1.15;
const XBZRLE_CACHE_BYTES_MIN = 16 * MEBIBYTE;

export interface RoundFigures {
  readonly durationMs: number;
  /** Dirty memory not yet sent when the round ended. */
  readonly remainingBytes: number;
  readonly bandwidthBytesPerSecond: number;
  /** null while QEMU has not measured it. */
  readonly dirtyBytesPerSecond: number | null;
}

export interface ConvergenceInput {
  /** Ended rounds, oldest first. */
  readonly rounds: readonly RoundFigures[];
  /** Budget that holds now, in milliseconds: the one asked for, or what it was widened to. */
  readonly budgetMs: number;
  /** To which the user allowed to widen it; at least `budgetMs`. */
  readonly budgetMaxMs: number;
  /** Part of the blackout that does not depend on the memory left, in milliseconds. */
  readonly fixedBlackoutMs: number;
  /** QEMU's downtime limit now, in milliseconds. */
  readonly downtimeLimitMs: number;
  /** Throttle ceiling set so far, 0 to 99. */
  readonly throttlePercentMax: number;
  readonly compression: TransferCompression;
  /** Set so far; 0 if none. */
  readonly xbzrleCacheBytes: number;
  /** Upper end of the cache, in bytes. */
  readonly memoryBytes: number;
  /** Index of the round after which the last step was taken; -1 if none. Rounds up to it do not count as stalled. */
  readonly steppedAtRound: number;
}

export type ConvergenceDecision =
  | { readonly action: 'next-round'; readonly reason: string }
  | { readonly action: 'raise-limit'; readonly downtimeLimitMs: number; readonly reason: string }
  | { readonly action: 'compress'; readonly xbzrleCacheBytes: number; readonly reason: string }
  | { readonly action: 'throttle'; readonly throttlePercentMax: number; readonly reason: string }
  | {
      readonly action: 'widen-budget';
      readonly budgetMs: number;
      readonly downtimeLimitMs: number;
      readonly reason: string;
    }
  | { readonly action: 'give-up'; readonly reason: string };

/** The largest downtime limit that keeps the blackout within the budget, in milliseconds, at least 1. */
export function largestLimitMs(budgetMs: number, fixedBlackoutMs: number): number {
  return Math.max(1, Math.floor(budgetMs - fixedBlackoutMs));
}

/** Small at first: as long as the rounds shrink quickly, a little patience makes the blackout shorter. */
export function firstLimitMs(budgetMs: number, fixedBlackoutMs: number): number {
  return Math.min(FIRST_LIMIT_MS, largestLimitMs(budgetMs, fixedBlackoutMs));
}

/**
 * What QEMU is to be given as its downtime limit, in milliseconds. QEMU 7.2 counts the pages of several channels before they are compressed, and so
 * takes the link for many times faster than it is; the last pages, which the guest has just written, rarely shrink. The smallest limit is the only safe one.
 */
export function limitForQemu(limitMs: number, compression: TransferCompression): number {
  return compression === 'multifd-zstd' ? 1 : limitMs;
}

/** Mean over the newest rounds, in bytes per second: a round of some milliseconds says little by itself. */
export function recentBandwidth(rounds: readonly RoundFigures[]): number {
  let durationMs = 0;
  let bytes = 0;
  for (const round of rounds.toReversed()) {
    durationMs += round.durationMs;
    bytes += (round.bandwidthBytesPerSecond * round.durationMs) / 1000;
    if (durationMs >= BANDWIDTH_WINDOW_MS) break;
  }
  return durationMs === 0 ? 0 : (bytes / durationMs) * 1000;
}

/** How long the guest would stand still for its memory, in milliseconds. Infinity while nothing has been sent. */
export function memoryBlackoutMs(rounds: readonly RoundFigures[]): number {
  const remainingBytes = rounds.at(-1)?.remainingBytes ?? Number.POSITIVE_INFINITY;
  if (remainingBytes === 0) return 0;
  return (remainingBytes / recentBandwidth(rounds)) * 1000;
}

export function decideConvergence(input: ConvergenceInput): ConvergenceDecision {
  const { rounds, budgetMs, fixedBlackoutMs, downtimeLimitMs } = input;
  if (rounds.length === 0) return { action: 'next-round', reason: 'no round has ended yet' };
  const expectedMs = memoryBlackoutMs(rounds);
  const limitMaxMs = largestLimitMs(budgetMs, fixedBlackoutMs);
  const fits = expectedMs <= limitMaxMs;
  if (fits && downtimeLimitMs < limitMaxMs && !shrinksQuickly(rounds)) {
    return {
      action: 'raise-limit',
      downtimeLimitMs: limitMaxMs,
      reason: `what is left takes ${expectedMs.toFixed(1)} ms: it fits the budget of ${budgetMs} ms`,
    };
  }
  const cache = fits ? null : largerCache(input);
  if (cache !== null) return cache;
  const stall = stallOf(input);
  if (!stall.due) return { action: 'next-round', reason: 'each round leaves less than the one before' };
  return escalate(input, { expectedMs, limitMaxMs, late: stall.late });
}

/** Whether the last round left at most half of what it had to send: the next one makes the blackout much shorter. */
function shrinksQuickly(rounds: readonly RoundFigures[]): boolean {
  const last = rounds.at(-1);
  if (last === undefined) return false;
  const toSend = rounds.at(-2)?.remainingBytes ?? (last.bandwidthBytesPerSecond * last.durationMs) / 1000;
  return last.remainingBytes <= toSend / 2;
}

/** xbzrle needs the old contents of what the guest rewrites; a cache smaller than that finds nothing. */
function largerCache(input: ConvergenceInput): ConvergenceDecision | null {
  const { compression, rounds, xbzrleCacheBytes, memoryBytes } = input;
  if (compression !== 'xbzrle') return null;
  const rewritten = rounds.at(-1)?.remainingBytes ?? 0;
  const wanted = Math.min(powerOfTwo(2 * rewritten), powerOfTwo(memoryBytes / XBZRLE_CACHE_SHARE));
  const cacheBytes = Math.max(XBZRLE_CACHE_BYTES_MIN, wanted);
  if (cacheBytes <= xbzrleCacheBytes) return null;
  const mebibytes = (bytes: number) => `${Math.round(bytes / MEBIBYTE)} MiB`;
  return {
    action: 'compress',
    xbzrleCacheBytes: cacheBytes,
    reason: `${mebibytes(rewritten)} were rewritten: with ${mebibytes(cacheBytes)} of old contents only the differences are sent`,
  };
}

interface Situation {
  readonly expectedMs: number;
  readonly limitMaxMs: number;
  readonly late: boolean;
}

function escalate(input: ConvergenceInput, situation: Situation): ConvergenceDecision {
  const { expectedMs, limitMaxMs, late } = situation;
  const { throttlePercentMax, rounds } = input;
  const wider = widerBudget(input);
  const steps = THROTTLE_STEPS_PERCENT.filter((percent) => percent > throttlePercentMax);
  const throttle = late ? steps.at(-1) : steps[0];
  if (throttle !== undefined && !(wider !== null && throttleIsUseless(rounds))) {
    const why = late ? `no progress for ${STALL_MS_MAX / 1000} s` : 'the rounds no longer leave less';
    return {
      action: 'throttle',
      throttlePercentMax: throttle,
      reason:
        `${why}: ${expectedMs.toFixed(0)} ms of memory are left where ${limitMaxMs} ms are allowed; ` +
        `the guest is slowed down by up to ${throttle} % (never more than ${THROTTLE_CEILING_PERCENT} %)`,
    };
  }
  return wider ?? { action: 'give-up', reason: whyGiveUp(input, expectedMs) };
}

/** Even slowed down to the ceiling the guest would dirty more than the link carries. */
function throttleIsUseless(rounds: readonly RoundFigures[]): boolean {
  const dirty = rounds.at(-1)?.dirtyBytesPerSecond ?? 0;
  return dirty * (1 - THROTTLE_CEILING_PERCENT / 100) >= recentBandwidth(rounds);
}

/** What the best of the newest rounds needs, with some room; the whole allowance if that was tried. null: it does not fit. */
function widerBudget(input: ConvergenceInput): ConvergenceDecision | null {
  const { rounds, budgetMs, budgetMaxMs, fixedBlackoutMs } = input;
  if (budgetMaxMs <= budgetMs) return null;
  const newest = rounds.slice(-(STALLED_ROUNDS_MAX + 1)).map((round) => round.remainingBytes);
  const neededMs = fixedBlackoutMs + (Math.min(...newest) / recentBandwidth(rounds)) * 1000;
  if (!Number.isFinite(neededMs) || neededMs > budgetMaxMs) return null;
  // Widened to what was needed before, and QEMU has not switched over since: its own estimate asks for more.
  const tried = neededMs * WIDEN_MARGIN <= budgetMs;
  const widened = tried ? budgetMaxMs : Math.min(budgetMaxMs, Math.ceil(neededMs * WIDEN_MARGIN));
  return {
    action: 'widen-budget',
    budgetMs: widened,
    downtimeLimitMs: largestLimitMs(widened, fixedBlackoutMs),
    reason:
      `a switchover needs about ${Math.round(neededMs)} ms, more than ${budgetMs} ms; ` +
      `the user allowed up to ${budgetMaxMs} ms`,
  };
}

function whyGiveUp(input: ConvergenceInput, expectedMs: number): string {
  const { rounds, budgetMs, budgetMaxMs, fixedBlackoutMs, throttlePercentMax } = input;
  const rate = (bytesPerSecond: number) => `${Math.round(bytesPerSecond / MEBIBYTE)} MiB/s`;
  const dirty = rounds.at(-1)?.dirtyBytesPerSecond ?? null;
  const allowed = budgetMaxMs > budgetMs ? `${budgetMs} ms, at most ${budgetMaxMs} ms` : `${budgetMs} ms`;
  if (expectedMs + fixedBlackoutMs <= budgetMs) {
    return `what is left would fit the budget of ${allowed}, but QEMU's own estimate did not reach its limit`;
  }
  return (
    `the guest dirties memory ${dirty === null ? 'as fast as' : `at ${rate(dirty)}, and`} the link carries ` +
    `${rate(recentBandwidth(rounds))}: a switchover now would take about ${Math.round(expectedMs + fixedBlackoutMs)} ms, ` +
    `the budget is ${allowed}` +
    (throttlePercentMax > 0 ? `, although the guest was slowed down by up to ${throttlePercentMax} %` : '')
  );
}

interface Stall {
  /** A step is to be taken. */
  readonly due: boolean;
  /** Without progress for longer than {@link STALL_MS_MAX}. */
  readonly late: boolean;
}

function stallOf({ rounds, steppedAtRound, throttlePercentMax }: ConvergenceInput): Stall {
  let best = Number.POSITIVE_INFINITY;
  let stalledRounds = 0;
  let sinceProgressMs = 0;
  let sinceStepMs = 0;
  rounds.forEach((round, index) => {
    const stepped = index <= steppedAtRound;
    sinceStepMs = stepped ? 0 : sinceStepMs + round.durationMs;
    if (round.remainingBytes < best * PROGRESS_FACTOR) {
      stalledRounds = 0;
      sinceProgressMs = 0;
    } else {
      sinceProgressMs += round.durationMs;
      if (!stepped) stalledRounds += 1;
    }
    best = Math.min(best, round.remainingBytes);
  });
  const late = stalledRounds >= 1 && sinceProgressMs >= STALL_MS_MAX;
  const patienceMs = throttlePercentMax > 0 ? THROTTLE_PATIENCE_MS : PATIENCE_MS;
  const waitedLong = Math.min(sinceStepMs, sinceProgressMs) >= patienceMs;
  return { late, due: late || (stalledRounds >= STALLED_ROUNDS_MAX && waitedLong) };
}

/** Old contents take memory of the source that nobody has reserved: at most this part of the VM's own. */
const XBZRLE_CACHE_SHARE = 4;

function powerOfTwo(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, bytes)));
}
