import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QUIET_GRACE_MS } from '../model/authority.ts';
import { decideGuard, type GuardInput } from './decide-guard.ts';

const A = 10_000;
const FREEZE = A + QUIET_GRACE_MS;
const PATIENCE_MS = 500;
const sight = (changes: Partial<GuardInput>): GuardInput => ({
  ...{ nowMs: A, deadlineMs: A, freezingSinceMs: null, populated: true, frozen: false },
  ...changes,
});

describe('the guard', () => {
  it('lets the VMs run before the end of the authority, and where there is none', () => {
    expect(decideGuard(sight({ nowMs: A - 1 }))).toMatchObject({ freeze: false, kill: false, pet: true });
    expect(decideGuard(sight({ deadlineMs: null }))).toMatchObject({ freeze: false, kill: false, pet: true });
  });

  it('is there in time to freeze them', () => {
    expect(decideGuard(sight({ nowMs: A - 100 })).wakeAtMs).toBe(FREEZE);
    expect(decideGuard(sight({ nowMs: A + 100 })).wakeAtMs).toBe(FREEZE);
  });

  it('gives the agent its time, freezes, then kills', () => {
    expect(decideGuard(sight({ nowMs: FREEZE - 1 }))).toMatchObject({ freeze: false, kill: false });
    expect(decideGuard(sight({ nowMs: FREEZE }))).toMatchObject({ freeze: true, kill: false });
    const late = { freezingSinceMs: FREEZE, nowMs: FREEZE + PATIENCE_MS };
    expect(decideGuard(sight({ ...late, nowMs: late.nowMs - 1 }))).toMatchObject({ freeze: true, kill: false });
    expect(decideGuard(sight(late))).toMatchObject({ freeze: true, kill: true, pet: false });
  });

  it('freezes although there is no VM yet: one may just be starting', () => {
    expect(decideGuard(sight({ nowMs: FREEZE, populated: false }))).toMatchObject({ freeze: true });
  });

  it('keeps them frozen for as long as it takes, and the watchdog quiet', () => {
    const held = sight({ freezingSinceMs: FREEZE, frozen: true, nowMs: A + 3_600_000 });
    expect(decideGuard(held)).toMatchObject({ freeze: true, kill: false, pet: true });
    expect(decideGuard({ ...held, frozen: false, populated: false })).toMatchObject({ kill: false, pet: true });
  });

  const anySight = fc.record({
    nowMs: fc.integer({ min: 0, max: 20_000 }),
    deadlineMs: fc.option(fc.integer({ min: 0, max: 20_000 })),
    freezingSinceMs: fc.option(fc.integer({ min: 0, max: 20_000 })),
    populated: fc.boolean(),
    frozen: fc.boolean(),
  });

  it('never pets past the end unless all is known to be quiet, and always comes back', () => {
    fc.assert(
      fc.property(anySight, (seen) => {
        const { pet, kill, freeze, wakeAtMs } = decideGuard(seen);
        const hasRight = seen.deadlineMs === null || seen.nowMs < seen.deadlineMs;
        const quiet = seen.freezingSinceMs !== null && (seen.frozen || !seen.populated);
        expect(pet).toBe(hasRight || quiet);
        if (hasRight) expect([freeze, kill]).toEqual([false, false]);
        if (kill) expect(freeze).toBe(true);
        expect(wakeAtMs).toBeGreaterThan(seen.nowMs);
        expect(wakeAtMs).toBeLessThanOrEqual(seen.nowMs + 500);
      }),
    );
  });
});
