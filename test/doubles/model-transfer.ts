import {
  type ConvergenceDecision,
  type ConvergenceInput,
  decideConvergence,
  firstLimitMs,
  FIXED_BLACKOUT_MS,
  type RoundFigures,
} from '../../src/migration/convergence-policy.ts';
import { MEBIBYTE } from '../../src/model/units.ts';

export const GIGABIT = 117_000_000;

export interface ModelGuest {
  readonly usedBytes: number;
  /** What it rewrites again and again. */
  readonly workingSetBytes: number;
  readonly dirtyBytesPerSecond: number;
}

export interface ModelOptions {
  readonly linkBytesPerSecond?: number;
  readonly budgetMs?: number;
  readonly budgetMaxMs?: number;
  readonly fixedBlackoutMs?: number;
  readonly compression?: ConvergenceInput['compression'];
  /** Which rounds of QEMU's own bandwidth windows see less than the link carries: factor, 0 to 1. */
  readonly bandwidthSeen?: number;
}

export interface ModelResult {
  readonly outcome: 'switched over' | 'given up' | 'endless';
  /** Of pre-copy, in milliseconds. */
  readonly elapsedMs: number;
  /** Since the best round, when it ended. */
  readonly sinceBestMs: number;
  readonly blackoutMs: number | null;
  readonly decisions: readonly ConvergenceDecision[];
  readonly limitsMs: readonly number[];
  readonly budgetMs: number;
}

const ROUND_MS_MIN = 3;
const ROUNDS_MAX = 20_000;

/**
 * QEMU as the policy sees it: a guest that rewrites its working set at a rate, a link, a throttle that follows its ceiling after
 * two looks of a second each, and a switchover as soon as what is left fits the downtime limit.
 */
export function runModel(guest: ModelGuest, options: ModelOptions = {}): ModelResult {
  const link = options.linkBytesPerSecond ?? GIGABIT;
  const { budgetMs = 50, fixedBlackoutMs = FIXED_BLACKOUT_MS, compression = 'none', bandwidthSeen = 1 } = options;
  let state: Omit<ConvergenceInput, 'rounds'> = {
    ...{ budgetMs, budgetMaxMs: options.budgetMaxMs ?? budgetMs, fixedBlackoutMs, compression },
    ...{ downtimeLimitMs: firstLimitMs(budgetMs, fixedBlackoutMs), throttlePercentMax: 0 },
    ...{ xbzrleCacheBytes: 0, memoryBytes: 1024 * MEBIBYTE, steppedAtRound: -1 },
  };
  const rounds: RoundFigures[] = [];
  const decisions: ConvergenceDecision[] = [];
  const limitsMs = [state.downtimeLimitMs];
  let [left, elapsedMs, throttle, throttleAtMs, bestAtMs, best] = [guest.usedBytes, 0, 0, 0, 0, Infinity];
  const result = (outcome: ModelResult['outcome'], blackoutMs: number | null = null): ModelResult => ({
    ...{ outcome, elapsedMs, sinceBestMs: elapsedMs - bestAtMs, blackoutMs, decisions, limitsMs },
    budgetMs: state.budgetMs,
  });
  while (rounds.length < ROUNDS_MAX) {
    const durationMs = Math.max(ROUND_MS_MIN, (left / link) * 1000);
    elapsedMs += durationMs;
    const dirty = guest.dirtyBytesPerSecond * (1 - throttle / 100);
    left = Math.min(guest.workingSetBytes, (dirty * durationMs) / 1000);
    if (left < best) [best, bestAtMs] = [left, elapsedMs];
    if ((left / (link * bandwidthSeen)) * 1000 <= state.downtimeLimitMs) {
      return result('switched over', fixedBlackoutMs + (left / link) * 1000);
    }
    const measured = durationMs >= 1000 ? dirty : null;
    rounds.push({
      durationMs,
      remainingBytes: left,
      bandwidthBytesPerSecond: link * bandwidthSeen,
      dirtyBytesPerSecond: measured,
    });
    const decision = decideConvergence({ ...state, rounds });
    const { action, reason: _reason, ...change } = decision;
    if (action !== 'next-round') {
      decisions.push(decision);
      if (action === 'throttle') throttleAtMs = elapsedMs;
      state = { ...state, ...change, steppedAtRound: rounds.length - 1 };
      limitsMs.push(state.downtimeLimitMs);
    }
    if (action === 'give-up') return result('given up');
    if (elapsedMs - throttleAtMs >= 2000) throttle = state.throttlePercentMax;
  }
  return result('endless');
}
