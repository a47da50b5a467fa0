import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideGuard, type GuardInput } from './decide-guard.ts';

const RUNNING: GuardInput = { nowMs: 0, deadlineMs: 1000, freezingSinceMs: null, populated: true, frozen: false };
const FREEZING: GuardInput = { ...RUNNING, nowMs: 1300, freezingSinceMs: 1300 };

const acts = (input: GuardInput) => {
  const { freeze, kill, pet } = decideGuard(input);
  return [freeze && 'freeze', kill && 'kill', pet && 'pet'].filter(Boolean).join(' ');
};

describe('the guard', () => {
  test('lets the VMs run and pets while the node has authority', () => {
    expect(acts({ ...RUNNING, nowMs: 999 })).toBe('pet');
    expect(acts({ ...RUNNING, nowMs: 1e9, deadlineMs: null })).toBe('pet');
  });

  test('leaves the agent 0.3 s to stop the VMs, without petting, then freezes', () => {
    expect(acts({ ...RUNNING, nowMs: 1000 })).toBe('');
    expect(acts({ ...RUNNING, nowMs: 1299 })).toBe('');
    expect(acts({ ...RUNNING, nowMs: 1300 })).toBe('freeze');
  });

  test('pets again for ever once all stand still or none is left', () => {
    expect(acts({ ...FREEZING, nowMs: 1400 })).toBe('freeze');
    expect(acts({ ...FREEZING, nowMs: 1400, frozen: true })).toBe('freeze pet');
    expect(acts({ ...FREEZING, nowMs: 1e9, frozen: true })).toBe('freeze pet');
    expect(acts({ ...FREEZING, nowMs: 1400, populated: false })).toBe('freeze pet');
  });

  test('kills what has not frozen for half a second, and pets no more until it is gone', () => {
    expect(acts({ ...FREEZING, nowMs: 1799 })).toBe('freeze');
    expect(acts({ ...FREEZING, nowMs: 1800 })).toBe('freeze kill');
    expect(acts({ ...FREEZING, nowMs: 9000 })).toBe('freeze kill');
    expect(acts({ ...FREEZING, nowMs: 1900, populated: false })).toBe('freeze pet');
  });

  test('lets the VMs go on when authority is back', () => {
    expect(acts({ ...FREEZING, nowMs: 5000, deadlineMs: 8500, frozen: true })).toBe('pet');
  });

  test('a guard that was held up over the end freezes at once and does not pet a second time', () => {
    expect(acts({ ...RUNNING, nowMs: 2900 })).toBe('freeze');
  });

  test('never pets past the end of authority while a VM may run, and always wakes in time for the next step', () => {
    const inputs = fc.record({
      nowMs: fc.integer({ min: 0, max: 5000 }),
      deadlineMs: fc.option(fc.integer({ min: 0, max: 5000 })),
      freezingSinceMs: fc.option(fc.integer({ min: 0, max: 5000 })),
      populated: fc.boolean(),
      frozen: fc.boolean(),
    });
    fc.assert(
      fc.property(inputs, (input) => {
        const { pet, wakeAtMs } = decideGuard(input);
        const ended = input.deadlineMs !== null && input.nowMs >= input.deadlineMs;
        const quiet = input.freezingSinceMs !== null && (input.frozen || !input.populated);
        if (ended && !quiet) expect(pet).toBe(false);
        expect(wakeAtMs).toBeGreaterThan(input.nowMs);
        expect(wakeAtMs).toBeLessThanOrEqual(input.nowMs + 500);
        if (!ended && input.deadlineMs !== null) expect(wakeAtMs).toBeLessThanOrEqual(input.deadlineMs + 300);
      }),
    );
  });
});
