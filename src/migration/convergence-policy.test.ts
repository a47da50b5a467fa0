import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GIGABIT, runModel } from '../../test/doubles/model-transfer.ts';
import { MEBIBYTE } from '../model/units.ts';
import {
  type ConvergenceInput,
  decideConvergence,
  firstLimitMs,
  largestLimitMs,
  STALL_MS_MAX,
  THROTTLE_CEILING_PERCENT,
} from './convergence-policy.ts';

/** Rounds that leave so many MiB, each as long as it takes to send what the one before left, at least a second. */
function input(remainingMiB: readonly number[], more: Partial<ConvergenceInput> = {}): ConvergenceInput {
  const rounds = remainingMiB.map((mebibytes) => ({
    ...{ durationMs: 1000, remainingBytes: mebibytes * MEBIBYTE },
    ...{ bandwidthBytesPerSecond: GIGABIT, dirtyBytesPerSecond: null },
  }));
  return {
    ...{ rounds, budgetMs: 50, budgetMaxMs: 50, fixedBlackoutMs: 20, downtimeLimitMs: 25, throttlePercentMax: 0 },
    ...{ compression: 'none', xbzrleCacheBytes: 0, memoryBytes: 512 * MEBIBYTE, steppedAtRound: -1, ...more },
  };
}

describe('decideConvergence', () => {
  test('goes on while each round leaves less', () => {
    expect(decideConvergence(input([])).action).toBe('next-round');
    expect(decideConvergence(input([200, 100, 60])).action).toBe('next-round');
  });

  test('raises the limit up to what the budget allows once what is left fits and shrinks slowly', () => {
    expect(decideConvergence(input([5, 3.2]))).toMatchObject({ action: 'raise-limit', downtimeLimitMs: 30 });
    expect(decideConvergence(input([5, 3.2], { downtimeLimitMs: 30 })).action).toBe('next-round');
    expect(decideConvergence(input([200, 3.2])).action).toBe('next-round');
  });

  test('throttles in steps once two rounds in a row bring no progress', () => {
    expect(decideConvergence(input([64, 64])).action).toBe('next-round');
    expect(decideConvergence(input([64, 64, 64]))).toMatchObject({ action: 'throttle', throttlePercentMax: 30 });
    const stepped = { throttlePercentMax: 30, steppedAtRound: 2 };
    expect(decideConvergence(input([64, 64, 64, 64, 64], stepped)).action).toBe('next-round');
    expect(decideConvergence(input([64, 64, 64, 64, 64, 64], stepped))).toMatchObject({
      action: 'throttle',
      throttlePercentMax: 45,
    });
  });

  test('does not take a few short rounds for a stall', () => {
    const short = input([4, 4, 4, 4, 4]);
    const rounds = short.rounds.map((round) => ({ ...round, durationMs: 30 }));
    expect(decideConvergence({ ...short, rounds, downtimeLimitMs: 30 }).action).toBe('next-round');
  });

  test('gives xbzrle the memory it needs, once, and only where the migration has it', () => {
    const xbzrle = { compression: 'xbzrle' } as const;
    expect(decideConvergence(input([40], xbzrle))).toMatchObject({
      action: 'compress',
      xbzrleCacheBytes: 128 * MEBIBYTE,
    });
    expect(decideConvergence(input([40], { ...xbzrle, xbzrleCacheBytes: 128 * MEBIBYTE })).action).toBe('next-round');
    expect(decideConvergence(input([40])).action).toBe('next-round');
  });

  test('widens the budget after throttling, no further than needed and allowed', () => {
    const allowed = { budgetMaxMs: 200, throttlePercentMax: 60 };
    const decision = decideConvergence(input([10, 10, 10, 10], allowed));
    // 10 MiB take 89.6 ms, with 20 ms fixed and 15 % of room.
    expect(decision).toMatchObject({ action: 'widen-budget', budgetMs: 127, downtimeLimitMs: 107 });
    expect(decision.reason).toContain('the user allowed up to 200 ms');
    expect(decideConvergence(input([10, 10, 10, 10], { ...allowed, throttlePercentMax: 0 })).action).toBe('throttle');
    expect(decideConvergence(input([64, 64, 64, 64], allowed)).action).toBe('give-up');
  });

  test('widens the budget without throttling where throttling is of no use', () => {
    const fast = input([10, 10, 10], { budgetMaxMs: 200 });
    const rounds = fast.rounds.map((round) => ({ ...round, dirtyBytesPerSecond: 3 * GIGABIT }));
    expect(decideConvergence({ ...fast, rounds }).action).toBe('widen-budget');
  });

  test('gives up with the figures when the throttle is at its ceiling, and never exceeds the budget', () => {
    const decision = decideConvergence(input([64, 64, 64, 64], { throttlePercentMax: 60 }));
    expect(decision.action).toBe('give-up');
    expect(decision.reason).toMatch(/the budget is 50 ms, although the guest was slowed down by up to 60 %/);
  });

  test('keeps the limit below the budget by the fixed part of the blackout', () => {
    expect(largestLimitMs(50, 20)).toBe(30);
    expect(firstLimitMs(50, 20)).toBe(25);
    expect(firstLimitMs(50, 32.4)).toBe(17);
    expect(firstLimitMs(30, 20)).toBe(10);
    expect(firstLimitMs(5, 20)).toBe(1);
  });
});

describe('with a model of QEMU', () => {
  const guest = (workingSetMiB: number, dirtyMiB: number, usedMiB = 100) => ({
    usedBytes: Math.max(usedMiB, workingSetMiB) * MEBIBYTE,
    workingSetBytes: workingSetMiB * MEBIBYTE,
    dirtyBytesPerSecond: dirtyMiB * MEBIBYTE,
  });

  test('an idle guest moves without a decision', () => {
    expect(runModel(guest(1, 0.5))).toMatchObject({ outcome: 'switched over', decisions: [] });
  });

  test.each([16, 64])(
    'a load that rewrites %d MiB at 20 MiB/s moves within 3 s and is not slowed down',
    (mebibytes) => {
      const { outcome, decisions, elapsedMs } = runModel(guest(mebibytes, 20, 100 + mebibytes));
      expect(outcome).toBe('switched over');
      expect(elapsedMs).toBeLessThan(3000);
      expect(decisions.filter(({ action }) => action === 'throttle')).toEqual([]);
    },
  );

  test('a load at most of the rate of the link ends within 30 s', () => {
    const { outcome, elapsedMs } = runModel(guest(64, 100));
    expect(outcome).not.toBe('endless');
    expect(elapsedMs).toBeLessThan(30_000);
  });

  test('a load that rewrites 256 MiB at full speed is throttled, then given up within 30 s, with the reason', () => {
    const { outcome, elapsedMs, decisions } = runModel(guest(256, 1500, 330));
    expect(outcome).toBe('given up');
    expect(elapsedMs).toBeLessThan(30_000);
    expect(decisions.map(({ action }) => action)).toEqual(['throttle', 'throttle', 'throttle', 'give-up']);
    expect(decisions.at(-1)?.reason).toContain('the budget is 50 ms');
  });

  test('long rounds end it as well: on 100 Mbit/s it takes three more rounds, and the ceiling of the throttle was tried', () => {
    const { outcome, elapsedMs, decisions } = runModel(guest(256, 1500), { linkBytesPerSecond: GIGABIT / 10 });
    expect(outcome).toBe('given up');
    const roundMs = ((256 * MEBIBYTE) / (GIGABIT / 10)) * 1000;
    expect(elapsedMs).toBeLessThanOrEqual(4 * roundMs);
    expect(decisions).toContainEqual(expect.objectContaining({ throttlePercentMax: THROTTLE_CEILING_PERCENT }));
  });

  test('a hot set that fits only what the user allowed moves within that', () => {
    const { outcome, blackoutMs, budgetMs } = runModel(guest(12, 2000), { budgetMaxMs: 300 });
    expect(outcome).toBe('switched over');
    expect(budgetMs).toBeLessThanOrEqual(300);
    expect(blackoutMs).toBeLessThanOrEqual(budgetMs);
    expect(runModel(guest(12, 2000)).outcome).toBe('given up');
  });

  const options = fc.record({
    linkBytesPerSecond: fc.integer({ min: 1_000_000, max: 3_000_000_000 }),
    budgetMs: fc.integer({ min: 1, max: 1000 }),
    more: fc.integer({ min: 0, max: 2000 }),
    fixedBlackoutMs: fc.integer({ min: 5, max: 250 }),
    bandwidthSeen: fc.double({ min: 0.3, max: 1, noNaN: true }),
    compression: fc.constantFrom('none' as const, 'xbzrle' as const, 'multifd-zstd' as const),
  });
  const guests = fc.record({
    usedBytes: fc.integer({ min: MEBIBYTE, max: 1024 * MEBIBYTE }),
    workingSetBytes: fc.integer({ min: 0, max: 1024 * MEBIBYTE }),
    dirtyBytesPerSecond: fc.integer({ min: 0, max: 4096 * MEBIBYTE }),
  });

  test('always ends, and no limit is ever above the budget that the user allowed', () => {
    fc.assert(
      fc.property(guests, options, (any, { more, ...given }) => {
        const budgetMaxMs = given.budgetMs + more;
        const { outcome, limitsMs, budgetMs } = runModel(any, { ...given, budgetMaxMs });
        expect(outcome).not.toBe('endless');
        expect(budgetMs).toBeLessThanOrEqual(budgetMaxMs);
        expect(Math.max(...limitsMs)).toBeLessThanOrEqual(largestLimitMs(budgetMaxMs, given.fixedBlackoutMs));
      }),
    );
  });

  test('without progress it ends within the stated time and three rounds', () => {
    fc.assert(
      fc.property(guests, options, (any, { more: _more, ...given }) => {
        const { outcome, sinceBestMs } = runModel(any, given);
        const roundMs = (any.workingSetBytes / given.linkBytesPerSecond) * 1000;
        if (outcome === 'given up') expect(sinceBestMs).toBeLessThanOrEqual(STALL_MS_MAX + 3 * Math.max(roundMs, 3));
      }),
    );
  });
});
