import { describe, expect, test } from 'vitest';
import { type ConvergenceInput, decideConvergence, firstLimitMs, largestLimitMs } from './convergence-policy.ts';
import { MEBIBYTE } from '../model/units.ts';

const LINK = 117_000_000;

function input(remainingMiB: readonly number[], more: Partial<ConvergenceInput> = {}): ConvergenceInput {
  const rounds = remainingMiB.map((mib) => ({ remainingBytes: mib * MEBIBYTE, bandwidthBytesPerSecond: LINK }));
  return { rounds, budgetMs: 50, downtimeLimitMs: 25, throttlePercentMax: 0, steppedAtRound: -1, ...more };
}

describe('decideConvergence', () => {
  test('goes on while each round leaves less', () => {
    expect(decideConvergence(input([200, 100, 50])).action).toBe('next-round');
  });

  test('raises the limit up to what the budget allows once what is left fits', () => {
    expect(decideConvergence(input([200, 3.2]))).toMatchObject({ action: 'raise-limit', downtimeLimitMs: 30 });
    expect(decideConvergence(input([200, 3.2], { downtimeLimitMs: 30 })).action).toBe('next-round');
  });

  test('throttles in steps once two rounds in a row bring no progress', () => {
    expect(decideConvergence(input([64, 64])).action).toBe('next-round');
    expect(decideConvergence(input([64, 64, 64]))).toMatchObject({ action: 'throttle', throttlePercentMax: 30 });
    const stepped = { throttlePercentMax: 30, steppedAtRound: 2 };
    expect(decideConvergence(input([64, 64, 64, 64], stepped)).action).toBe('next-round');
    expect(decideConvergence(input([64, 64, 64, 64, 64], stepped))).toMatchObject({
      action: 'throttle',
      throttlePercentMax: 45,
    });
  });

  test('gives up with the figures when the throttle is at its ceiling, and never exceeds the budget', () => {
    const decision = decideConvergence(input([64, 64, 64], { throttlePercentMax: 60 }));
    expect(decision.action).toBe('give-up');
    expect(decision.reason).toMatch(/the budget is 50 ms/);
  });

  test('keeps the limit below the budget by the fixed part of the blackout', () => {
    expect(largestLimitMs(50)).toBe(30);
    expect(firstLimitMs(50)).toBe(25);
    expect(firstLimitMs(30)).toBe(10);
    expect(firstLimitMs(5)).toBe(1);
  });
});
