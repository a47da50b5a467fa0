import { describe, expect, test } from 'vitest';
import { testIntent } from '../../test/doubles/cluster-facts.ts';
import { type MeasuredMigration, writeReceipt } from './write-receipt.ts';

/** It stood still for 80 ms. */
function measured(changes: Partial<MeasuredMigration['intent']>, budgetUsedMs: number): MeasuredMigration {
  const intent = { ...testIntent('WebServer'), ...changes };
  const startMs = Date.parse(intent.requestedAt);
  return {
    ...{ intent, memoryBytes: 1e8, budgetUsedMs, phase: 'commitment-and-activation', aborting: null },
    ...{ endedAtMs: startMs + 1000, phaseStartsMs: {}, rounds: [], transferredBytes: 1, decisions: [] },
    times: {
      ...{ stoppedAtMs: startMs, deviceAtMs: null, completedAtMs: startMs + 60 },
      ...{ goReceivedAtMs: startMs + 70, resumedAtMs: startMs + 80 },
    },
    clock: { offsetMs: 0, errorMs: 0.1 },
    agentRestarted: false,
  } as MeasuredMigration;
}

describe('writeReceipt', () => {
  test('has the forecast, and the reason for each figure that could not be forecast', () => {
    const reason = 'nothing is known of this VM';
    const forecast = { totalMs: 900, blackoutMs: null, converges: null, reason };
    const receipt = writeReceipt(measured({ forecast, budgetMs: 100, budgetMaxMs: 100 }, 100));
    expect(receipt.forecast).toEqual(forecast);
    expect(receipt.notMeasured).toMatchObject({ 'forecast.blackoutMs': reason, 'forecast.converges': reason });
    expect(receipt.notMeasured).not.toHaveProperty(['forecast.totalMs']);
    expect(receipt.decisions).toEqual([]);
  });

  test.each([
    [50, 50, 50, /80 ms instead of 50 ms: the user had not allowed more; what was left/],
    [50, 200, 120, /80 ms instead of 50 ms: the user had allowed up to 200 ms$/],
    [50, 70, 70, /this is also more than the 70 ms that the user had allowed at most; what was left/],
  ])('says of a blackout over the budget of %d ms whether the user allowed it (up to %d ms)', (...row) => {
    const [budgetMs, budgetMaxMs, budgetUsedMs, text] = row;
    const receipt = writeReceipt(measured({ budgetMs, budgetMaxMs }, budgetUsedMs));
    expect(receipt.budgetUsedMs).toBe(budgetUsedMs);
    expect(receipt.decisions.at(-1)).toMatchObject({ what: 'over budget', why: expect.stringMatching(text) as string });
  });
});
