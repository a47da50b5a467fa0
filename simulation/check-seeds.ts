import { expect, test } from 'vitest';
import { PROFILES } from './plan.ts';
import { planOf } from './plan.ts';
import { failureReport } from './report.ts';
import { runPlan } from './run.ts';

/** GODWIT_SIM_SEEDS: how many seeds `npm test` runs, in all files together. */
const SEEDS = Number(process.env['GODWIT_SIM_SEEDS'] ?? 2000);
const FILES = 2;
const TOGETHER = 50;

/** One test for every 50 seeds; all profiles take turns. `file`: 0 or 1, so that two of them share the work. */
export function checkSeeds(file: number): void {
  for (let first = 1 + file * TOGETHER; first <= SEEDS; first += FILES * TOGETHER) {
    test(`seeds ${first} to ${first + TOGETHER - 1}`, { timeout: 300_000 }, () => {
      for (let seed = first; seed < first + TOGETHER; seed += 1) {
        const profile = PROFILES[seed % PROFILES.length] ?? 'safety';
        if (runPlan(planOf(seed, profile)).violation === null) continue;
        expect.fail(failureReport(seed, profile, { commit: 'this one' }).join('\n'));
      }
    });
  }
}
