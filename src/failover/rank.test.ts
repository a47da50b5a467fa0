import { expect, test } from 'vitest';
import { NOW, testCluster } from '../../test/doubles/failover-cluster.ts';
import { actsNow, dueSince, rankOf } from './rank.ts';
import { nextStarts } from './start-pacing.ts';

test('agents act one after another by name, and one that is silent holds nobody up', () => {
  const state = testCluster([{ name: 'node1', is: 'silent' }, { name: 'node2' }, { name: 'node3' }]);
  expect(['node2', 'node3'].map((name) => rankOf(state, name, NOW))).toEqual([0, 1]);
  expect([actsNow(0, 0), actsNow(1, 1999), actsNow(1, 2000)]).toEqual([true, false, true]);
});

test('what is due is remembered from its beginning, and forgotten when it is not due any more', () => {
  const first = dueSince(new Map(), ['a', 'b'], 1000);
  const second = dueSince(first, ['b', 'c'], 2000);
  expect([...second]).toEqual([
    ['b', 1000],
    ['c', 2000],
  ]);
  expect([...dueSince(second, ['a'], 3000)]).toEqual([['a', 3000]]);
});

test('four starts at a time, high priority first, then the largest', () => {
  const waiting = [
    { vm: 'Low', priority: 'low', memoryBytes: 9 },
    { vm: 'Small', priority: 'medium', memoryBytes: 1 },
    { vm: 'Large', priority: 'medium', memoryBytes: 2 },
    { vm: 'High', priority: 'high', memoryBytes: 1 },
    { vm: 'Last', priority: 'low', memoryBytes: 1 },
  ] as const;
  expect(nextStarts(waiting, 0)).toEqual(['High', 'Large', 'Small', 'Low']);
  expect(nextStarts(waiting, 3)).toEqual(['High']);
  expect(nextStarts(waiting, 4)).toEqual([]);
});
