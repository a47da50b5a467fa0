import { describe, expect, test } from 'vitest';
import { GIGABIT, runModel } from '../../test/doubles/model-transfer.ts';
import { testReceipt } from '../../test/doubles/cluster-facts.ts';
import { MEBIBYTE } from '../model/units.ts';
import { type ForecastInput, forecastMigration } from './forecast.ts';
import { learn, type Learned } from './learn.ts';

const SCOPE = { vm: 'WebServer', source: 'node1', destination: 'node2', encrypted: true };
const UNKNOWN = learn(new Map(), SCOPE);

function input(more: Partial<ForecastInput> & { used?: number; dirty?: number | null } = {}): ForecastInput {
  const { used = 100, dirty = 1, ...changes } = more;
  return {
    memoryBytes: 512 * MEBIBYTE,
    activity: {
      usedBytes: used * MEBIBYTE,
      compressedRatio: 0.5,
      dirtyBytesPerSecond: dirty === null ? null : dirty * MEBIBYTE,
      sampledAt: '2026-01-01T00:00:00.000Z',
    },
    ...{ learned: UNKNOWN, bandwidthBytesPerSecond: null, budgetMs: 50, budgetMaxMs: 50, compression: 'none' },
    ...{ freeCores: 1, encrypted: true, nowMs: Date.parse('2026-01-01T00:00:12.000Z'), ...changes },
  };
}

describe('forecastMigration', () => {
  test('says how long an idle guest takes on a link that was never measured, and what that rests on', () => {
    const { totalMs, blackoutMs, converges, reason } = forecastMigration(input());
    // 100 MiB at 117 MB/s take 896 ms; 0.25 s for everything else.
    expect(totalMs).toBeGreaterThan(1100);
    expect(totalMs).toBeLessThan(1400);
    expect(blackoutMs).toBeGreaterThanOrEqual(20);
    expect(blackoutMs).toBeLessThan(30);
    expect(converges).toBe(true);
    expect(reason).toContain('dirty rate 1 MiB/s measured 12 s ago');
    expect(reason).toContain('this link was never measured');
  });

  test('uses what was measured: link, fixed blackout, overhead and correction', () => {
    const learned: Learned = {
      ...{ link: { bytesPerSecond: 50e6, migrations: 4 }, overheadMs: 500, correction: 1.5, ofVm: [] },
      fixedBlackout: { highMs: 40, usualMs: 30, lowMs: 25, migrations: 9 },
    };
    const { totalMs, blackoutMs, reason } = forecastMigration(input({ learned }));
    expect(totalMs).toBeGreaterThan(1.5 * (500 + 2097));
    expect(blackoutMs).toBeGreaterThanOrEqual(30);
    expect(reason).toContain('48 MiB/s on this link in 4 migrations');
    expect(reason).toContain('corrected by 1.50');
  });

  test('counts a limit of the transfer rate and compression', () => {
    const whole = forecastMigration(input({ used: 400 })).totalMs ?? 0;
    expect(forecastMigration(input({ used: 400, bandwidthBytesPerSecond: 10e6 })).totalMs).toBeGreaterThan(40_000);
    expect(forecastMigration(input({ used: 400, compression: 'multifd-zstd' })).totalMs).toBeLessThan(0.75 * whole);
  });

  test('says when a guest does not converge, and how long it takes to find out', () => {
    const { totalMs, blackoutMs, converges, reason } = forecastMigration(input({ used: 400, dirty: 400 }));
    expect(converges).toBe(false);
    expect(blackoutMs).toBeNull();
    expect(totalMs).toBeGreaterThan(5000);
    expect(totalMs).toBeLessThan(40_000);
    expect(reason).toContain('will be left on the source');
  });

  test('says when the guest will be slowed down, or the budget widened', () => {
    expect(forecastMigration(input({ used: 300, dirty: 150 })).reason).toContain('slowed down');
    const widened = forecastMigration(input({ used: 300, dirty: 150, budgetMaxMs: 5000 }));
    expect(widened.converges).toBe(true);
  });

  test('says when no switchover can keep the budget', () => {
    const { converges, blackoutMs, reason } = forecastMigration(input({ budgetMs: 5, budgetMaxMs: 5 }));
    expect([converges, blackoutMs]).toEqual([false, null]);
    expect(reason).toContain('the budget is 5 ms');
  });

  test('without a sample it goes by the last migrations of the VM, without those by nothing', () => {
    expect(forecastMigration(input({ activity: null }))).toMatchObject({
      ...{ totalMs: null, blackoutMs: null, converges: null },
      reason: expect.stringContaining('no migration of this VM is known') as string,
    });
    const learned = learn(new Map([['01A', testReceipt('01A')]]), SCOPE);
    expect(forecastMigration(input({ activity: null, learned }))).toMatchObject({
      ...{ totalMs: 3000.5, blackoutMs: 12.25, converges: true },
    });
  });

  test('does not promise convergence while the dirty rate is unknown', () => {
    const { totalMs, converges } = forecastMigration(input({ dirty: null }));
    expect(totalMs).toBeGreaterThan(0);
    expect(converges).toBeNull();
  });

  test.each([
    [1, 1],
    [16, 20],
    [64, 20],
    [64, 60],
  ])('is within a quarter of the model of QEMU (%d MiB at %d MiB/s)', (workingSet, dirty) => {
    const guest = {
      usedBytes: (100 + workingSet) * MEBIBYTE,
      workingSetBytes: workingSet * MEBIBYTE,
      dirtyBytesPerSecond: dirty * MEBIBYTE,
    };
    const { elapsedMs } = runModel(guest, { linkBytesPerSecond: GIGABIT });
    const sampled = input({ used: 100 + workingSet, dirty: Math.min(workingSet, dirty) });
    const forecastMs = (forecastMigration(sampled).totalMs ?? 0) - UNKNOWN.overheadMs;
    expect(Math.abs(forecastMs - elapsedMs) / elapsedMs).toBeLessThan(0.25);
  });
});
