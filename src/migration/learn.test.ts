import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { testReceipt } from '../../test/doubles/cluster-facts.ts';
import { CORRECTION_MAX, CORRECTION_MIN, learn, OVERHEAD_MS, plannedFixedMs } from './learn.ts';
import type { Receipt } from './receipt.ts';

const SCOPE = { vm: 'WebServer', source: 'node1', destination: 'node2', encrypted: true };

/** One after the other, the first one given is the oldest. */
function history(...changes: readonly Partial<Receipt>[]): Map<string, unknown> {
  const receipts = changes.map((change, index) => {
    const id = `01M${String(index).padStart(5, '0')}`;
    return [id, { ...testReceipt(id), ...change }] as const;
  });
  return new Map(receipts);
}

function round(bandwidthBytesPerSecond: number, durationMs = 1000): Receipt['rounds'][number] {
  const sentBytes = (bandwidthBytesPerSecond * durationMs) / 1000;
  return { round: 1, durationMs, sentBytes, remainingBytes: 1e6, dirtyBytesPerSecond: null, bandwidthBytesPerSecond };
}

describe('learn', () => {
  test('knows nothing of a new cluster', () => {
    expect(learn(new Map(), SCOPE)).toEqual({
      ...{ link: null, overheadMs: OVERHEAD_MS, correction: 1, ofVm: [] },
      fixedBlackout: { highMs: 20, usualMs: 20, lowMs: 10, migrations: 0 },
    });
  });

  test('takes the best sustained rate between the two nodes, in either direction', () => {
    const { link } = learn(
      history(
        { rounds: [round(90e6), round(500e6, 20)] },
        { rounds: [round(110e6)], source: 'node2', destination: 'node1' },
        { rounds: [round(80e6)] },
        { rounds: [round(900e6)], destination: 'node3' },
      ),
      SCOPE,
    );
    expect(link?.migrations).toBe(3);
    expect(link?.bytesPerSecond).toBeCloseTo(110e6 * 0.98);
  });

  test('keeps encrypted and plain transfers apart, and leaves compressed ones out', () => {
    const past = history(
      { rounds: [round(60e6)] },
      { rounds: [round(110e6)], encrypted: false },
      { rounds: [round(200e6)], compression: 'multifd-zstd' },
    );
    expect(learn(past, SCOPE).link).toEqual({ bytesPerSecond: 60e6, migrations: 1 });
    expect(learn(past, { ...SCOPE, encrypted: false }).link?.bytesPerSecond).toBe(110e6);
  });

  test('forgets a link that has become slower', () => {
    const past = history({ rounds: [round(1e9)] }, ...Array.from({ length: 60 }, () => ({ rounds: [round(1e8)] })));
    expect(learn(past, SCOPE).link?.bytesPerSecond).toBe(1e8);
  });

  test('learns the fixed blackout from three migrations on, without the memory in it', () => {
    const lasting = (blackoutMs: number, stoppedBytes = 0): Partial<Receipt> => ({
      blackoutMs,
      rounds: [round(100e6), { ...round(100e6, 10), sentBytes: 1e6 + stoppedBytes }],
    });
    expect(learn(history(lasting(30), lasting(30)), SCOPE).fixedBlackout.migrations).toBe(0);
    expect(learn(history(lasting(30), lasting(32), lasting(60)), SCOPE).fixedBlackout).toMatchObject({
      ...{ highMs: 32, usualMs: 32, lowMs: 30, migrations: 3 },
    });
    // 1 MB more than was left at 100 MB/s: 10 ms of memory.
    expect(learn(history(lasting(30, 1e6), lasting(30, 1e6), lasting(30, 1e6)), SCOPE).fixedBlackout.usualMs).toBe(20);
    // All in one row: how much of it was memory is unknown, but no more than 25 ms were allowed. A few long ones must not stand for all.
    const single = { blackoutMs: 40, rounds: [round(100e6)] };
    expect(learn(history(single, single, single), SCOPE).fixedBlackout.usualMs).toBe(20);
    const long = { ...single, blackoutMs: 85 };
    expect(learn(history(long, long, long), SCOPE).fixedBlackout.usualMs).toBe(60);
    const odd = learn(history(lasting(2000), lasting(2000), lasting(2000)), SCOPE).fixedBlackout;
    expect(odd.highMs).toBe(250);
  });

  test('plans a tight budget with the usual fixed part, so that something is left for memory', () => {
    const fixed = { highMs: 28, usualMs: 21, lowMs: 19, migrations: 9 };
    expect(plannedFixedMs(fixed, 50)).toBe(28);
    expect(plannedFixedMs(fixed, 30)).toBe(22);
    expect(plannedFixedMs(fixed, 25)).toBe(21);
  });

  test('learns what a migration takes outside its rounds', () => {
    const past = history(
      { totalMs: 1300, rounds: [round(1e8)] },
      { totalMs: 1500, rounds: [round(1e8)] },
      { totalMs: 9000, rounds: [round(1e8)], decisions: [{ at: '', what: 'wait', why: 'others use the link' }] },
    );
    expect(learn(past, SCOPE).overheadMs).toBe(300);
  });

  test('corrects a lasting error of the forecast for most of it, though the forecasts were corrected themselves', () => {
    const changes: Partial<Receipt>[] = [];
    for (let i = 0; i < 20; i++) {
      const { correction } = learn(history(...changes), SCOPE);
      const forecast = { totalMs: 1000 * correction, blackoutMs: 20, converges: true, reason: '' };
      changes.push({ totalMs: 1500, forecast });
    }
    const { correction } = learn(history(...changes), SCOPE);
    expect(correction).toBeGreaterThan(1.35);
    expect(correction).toBeLessThanOrEqual(1.5);
    expect(learn(history(...changes), { ...SCOPE, vm: 'Other' }).correction).toBe(1);
  });

  test('leaves failed migrations and values it does not understand out', () => {
    const past = new Map<string, unknown>([
      ...history({ outcome: 'failed', rounds: [round(1e9)] }),
      ['01N', null],
      ['01O', { vm: 3 }],
      ['01P', { ...testReceipt('01P'), rounds: [{ durationMs: 'long' }], blackoutMs: 'x', forecast: 7, decisions: {} }],
    ]);
    expect(learn(past, SCOPE)).toMatchObject({ link: null, correction: 1 });
  });

  test('never throws and stays within its bounds, whatever is stored', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), (stored) => {
        const learned = learn(new Map(Object.entries(stored)), SCOPE);
        expect(learned.correction).toBeGreaterThanOrEqual(CORRECTION_MIN);
        expect(learned.correction).toBeLessThanOrEqual(CORRECTION_MAX);
      }),
    );
  });
});
