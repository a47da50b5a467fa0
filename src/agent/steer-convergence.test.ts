import { describe, expect, test } from 'vitest';
import { testIntent } from '../../test/doubles/cluster-facts.ts';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import type { FixedBlackout } from '../migration/learn.ts';
import type { MigrationIntent } from '../model/intent.ts';
import { MEBIBYTE } from '../model/units.ts';
import type { Instance, TransferParameters, TransferSnapshot } from '../ports/hypervisor.ts';
import type { Log } from '../ports/log.ts';
import { MigrationNotes } from './migration-notes.ts';
import { ConvergenceSteering } from './steer-convergence.ts';

const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
const FIXED: FixedBlackout = { highMs: 20, usualMs: 20, lowMs: 10, migrations: 0 };
const LINK = 117_000_000;

/** Steering of a transfer whose every round leaves so much. */
function steer(remainingBytes: number, changes: Partial<MigrationIntent> = {}, fixedBlackout = FIXED) {
  const set: TransferParameters[] = [];
  let transferredBytes = 0;
  const figures = (): Partial<TransferSnapshot> => ({
    ...{ status: 'active', transferredBytes, remainingBytes, dirtyBytesPerSecond: 0, bandwidthBytesPerSecond: LINK },
  });
  const instance = {
    transfer: async () => figures(),
    setTransferParameters: async (parameters: TransferParameters) => void set.push(parameters),
  } as unknown as Instance;
  const intent = { ...testIntent('WebServer'), ...changes };
  const notes = new MigrationNotes({
    ...{ intent, memoryBytes: 512 * MEBIBYTE, agentRestarted: false, clock: new ManualClock() },
  });
  const seen = { guestRunsOnSource: true, gaveUp: null as string | null, expectedBlackoutMs: 0 };
  const steering = new ConvergenceSteering({
    ...{ instance, notes, seen, fixedBlackout, log: silentLog, wake: () => undefined },
  });
  return {
    ...{ steering, notes, seen, set },
    /** Rounds of one second each. */
    async rounds(count: number) {
      for (let round = 1; round <= count + 1; round++) {
        steering.roundBegan(round, round * 1000);
        await new Promise(setImmediate);
        transferredBytes += LINK;
      }
    },
  };
}

test('what was sent while the agent was away is in no row, and does not make the link look faster', async () => {
  const { steering, notes } = steer(LINK);
  const before = { round: 1, transferredBytes: 40 * LINK } as TransferSnapshot;
  notes.resumed(before, 1000);
  steering.roundBegan(2, 3000);
  await new Promise(setImmediate);
  expect(notes.rounds).toMatchObject([{ round: 1, durationMs: 2000, sentBytes: 0 }]);
  notes.roundEnded(2, 4000, { ...before, round: 2, transferredBytes: LINK });
  expect(notes.rounds[1]).toMatchObject({ round: 2, durationMs: 1000, bandwidthBytesPerSecond: LINK });
});

describe('ConvergenceSteering', () => {
  test('begins with a limit below the budget by what the cluster measured', () => {
    expect(steer(0).steering.qemuLimitMs).toBe(25);
    const measured = { ...FIXED, highMs: 38.5, migrations: 12 };
    expect(steer(0, {}, measured).steering.qemuLimitMs).toBe(11);
  });

  test('gives up before the transfer where no switchover can keep the budget', () => {
    expect(steer(0, { budgetMs: 5, budgetMaxMs: 5 }).seen.gaveUp).toContain('the budget is 5 ms');
  });

  test('begins with a wider budget where the user allowed it and no switchover can keep the narrow one', () => {
    const { steering, notes, seen } = steer(0, { budgetMs: 5, budgetMaxMs: 100 });
    expect(seen.gaveUp).toBeNull();
    expect(notes.budgetUsedMs).toBe(21);
    expect(steering.qemuLimitMs).toBe(1);
    expect(notes.decisions.at(-1)).toMatchObject({ what: 'widen-budget' });
  });

  test('throttles in steps, then gives up, and notes each decision with its reason', async () => {
    const { notes, seen, set, rounds } = steer(200 * MEBIBYTE);
    await rounds(16);
    expect(set).toEqual([{ throttlePercentMax: 30 }, { throttlePercentMax: 45 }, { throttlePercentMax: 60 }]);
    expect(notes.decisions.map(({ what }) => what)).toEqual(['throttle', 'throttle', 'throttle', 'give-up']);
    expect(seen.gaveUp).toContain('the budget is 50 ms');
  });

  test('widens the budget as far as the user allowed, tells QEMU, and notes it', async () => {
    const { notes, seen, set, rounds } = steer(10 * MEBIBYTE, { budgetMaxMs: 300 });
    await rounds(13);
    expect(set.at(-1)).toEqual({ downtimeLimitMs: notes.budgetUsedMs - 20 });
    expect(notes.budgetUsedMs).toBeGreaterThan(50);
    expect(notes.budgetUsedMs).toBeLessThanOrEqual(300);
    expect(seen.gaveUp).toBeNull();
  });

  test('compressed over several channels QEMU gets the smallest limit, from the start and whenever the budget grows', async () => {
    const intent = { compression: 'multifd-zstd', budgetMs: 500, budgetMaxMs: 3000 } as const;
    const { steering, notes, set, rounds } = steer(200 * MEBIBYTE, intent);
    expect(steering.qemuLimitMs).toBe(1);
    await steering.resume();
    await rounds(20);
    expect(notes.budgetUsedMs).toBeGreaterThan(500);
    const limits = set.flatMap(({ downtimeLimitMs }) => downtimeLimitMs ?? []);
    expect(limits.length).toBeGreaterThan(1);
    expect(new Set(limits)).toEqual(new Set([1]));
  });

  test('asks nothing once the guest stands still', async () => {
    const { notes, seen, rounds } = steer(200 * MEBIBYTE);
    seen.guestRunsOnSource = false;
    await rounds(5);
    expect(notes.rounds).toEqual([]);
  });

  test('after a restart of the agent QEMU gets the limit of the budget again', async () => {
    const { steering, set } = steer(0);
    await steering.resume();
    expect(set).toEqual([{ downtimeLimitMs: 25 }]);
  });
});
