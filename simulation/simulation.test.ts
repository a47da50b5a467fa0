import { describe, expect, test } from 'vitest';
import { Engine } from './engine.ts';
import type { ClusterPlan } from './cluster-plan.ts';
import { type Plan, planOf } from './plan.ts';
import { SeededRandom } from './random.ts';
import { failureReport, traceOf } from './report.ts';
import { runPlan } from './run.ts';
import { MUTATIONS, worldOf } from './mutations.ts';
import { withStoreSetBack } from './set-back.ts';
import { shrink } from './shrink.ts';

describe('the simulation', () => {
  test.each(['safety', 'liveness', 'upgrade', 'membership'] as const)(
    'a seed of profile %s is replayed byte for byte',
    (profile) => {
      expect(traceOf(planOf(5, profile))).toEqual(traceOf(planOf(5, profile)));
    },
  );

  test('writing down what happens changes nothing of it', () => {
    const traced = traceOf(planOf(7, 'safety'));
    expect(traced.at(-1)).toBe(traceOf(planOf(7, 'safety')).at(-1));
  });

  test('a failing seed says how to replay it, with a plan that has nothing to spare', () => {
    const mutation = MUTATIONS.find(({ name }) => name === 'token-not-compared');
    if (mutation === undefined) throw new Error('the mutation is gone');
    const [first = '', replay = '', ...rest] = failureReport(2, 'safety', {
      commit: 'abc',
      options: worldOf(mutation),
    });
    expect(first).toContain('breaks I8 (commit abc)');
    expect(replay).toBe('Replay: npm run sim -- --seed 2 --profile safety');
    const commands = rest.filter((line) => line.startsWith('  {'));
    expect(commands.length).toBeLessThan(planOf(2, 'safety').commands.length);
  });
});

describe('a store that is set back under running nodes', () => {
  const memoryMiB = 512;
  const vms = ['node1', 'node2', 'node3'].map((node, index) => ({
    ...{ name: `vm${index + 1}`, node, memoryMiB, highlyAvailable: true, priority: 'medium' as const },
    ...{ antiAffinity: [], possibleOwners: [] },
  }));
  const cluster: ClusterPlan = {
    ...{ seed: 2, profile: 'safety', nodes: ['node1', 'node2', 'node3'], witness: 'none', watchdogMs: 2000, vms },
    ...{ controllers: false, nodeMemoryMiB: 8192, clockRates: [], minutes: 3, healAt: null },
  };
  const commands: Plan['commands'] = [
    { at: 15_000, do: 'save-store' },
    { at: 20_000, do: 'migrate', vm: 'vm1', to: 'node2' },
    { at: 60_000, do: 'restore-store' },
  ];

  test('starts no VM that runs elsewhere', () => {
    expect(runPlan({ cluster, commands }).violation).toBeNull();
  });

  test('would start it within seconds if nobody noticed', () => {
    const mutation = MUTATIONS.find(({ name }) => name === 'store-set-back-not-noticed');
    if (mutation === undefined) throw new Error('the mutation is gone');
    expect(runPlan({ cluster, commands }, worldOf(mutation)).violation?.invariant).toBe('I1');
  });

  test('whatever else happens', { timeout: 300_000 }, () => {
    const seeds = Array.from({ length: 40 }, (_, index) => index + 1);
    const broken = seeds.flatMap((seed) => {
      const { violation } = runPlan(withStoreSetBack(planOf(seed, 'safety')));
      return violation === null ? [] : [`seed ${seed}: ${violation.text}`];
    });
    expect(broken).toEqual([]);
  });
});

describe('its parts', () => {
  test('events run in order of time, those of one time in the order in which they were made', () => {
    const engine = new Engine();
    const seen: string[] = [];
    engine.at(5, () => seen.push('c'));
    engine.at(1, () => seen.push('a'));
    engine.at(5, () => seen.push('d'));
    engine.at(2, () => engine.after(0, () => seen.push('b')));
    engine.run(10);
    expect(seen).toEqual(['a', 'b', 'c', 'd']);
    expect(engine.now).toBe(10);
  });

  test('one seed gives one sequence, another stream another one', () => {
    const numbers = (seed: number, stream: string) => {
      const random = new SeededRandom(seed, stream);
      return Array.from({ length: 5 }, () => random.unit());
    };
    expect(numbers(1, 'a')).toEqual(numbers(1, 'a'));
    expect(numbers(1, 'a')).not.toEqual(numbers(1, 'b'));
    expect(numbers(1, 'a')).not.toEqual(numbers(2, 'a'));
  });

  test('shrinking keeps exactly what is needed', () => {
    const items = Array.from({ length: 40 }, (_, index) => index);
    const fails = (part: readonly number[]) => part.includes(7) && part.includes(31);
    expect(shrink(items, fails, 500)).toEqual([7, 31]);
  });
});
