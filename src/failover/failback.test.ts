import { describe, expect, test } from 'vitest';
import {
  LONG_AGO,
  NOW,
  type TestNode,
  testCluster,
  type TestVm,
  transact,
} from '../../test/doubles/failover-cluster.ts';
import type { NodeService } from '../model/authority.ts';
import { applyEntries } from '../model/cluster-state.ts';
import { keys } from '../model/keys.ts';
import { decideFailback } from './failback.ts';

const back = { enabled: true, window: null };
const wanting: TestVm = { name: 'A', on: 'node2', availability: { preferredOwners: ['node1'], failback: back } };
const two: TestNode[] = [{ name: 'node1' }, { name: 'node2' }];
const minutesAgo = (minutes: number) => new Date(NOW.wallMs - minutes * 60_000).toISOString();

describe('failback to a preferred owner', () => {
  test('is off by default', () => {
    const vm = { ...wanting, availability: { preferredOwners: ['node1'] } };
    expect(decideFailback(testCluster(two, [vm]), NOW)).toEqual([]);
  });

  test('happens when the node has been there for a while, and says why', () => {
    expect(decideFailback(testCluster(two, [wanting]), NOW)).toMatchObject([{ kind: 'migrate', vm: 'A', to: 'node1' }]);
  });

  test.each<[string, TestNode]>([
    ['has just come back', { name: 'node1', memberSince: minutesAgo(2) }],
    ['is paused', { name: 'node1', service: { mode: 'paused', since: LONG_AGO, by: 'x', drain: null } }],
    ['is quarantined', { name: 'node1', failures: { at: [minutesAgo(20)], quarantinedUntil: minutesAgo(-60) } }],
    ['is silent', { name: 'node1', is: 'silent' }],
    ['is too small', { name: 'node1', memoryBytes: 1 }],
  ])('does not happen while the node %s', (_name, node) => {
    expect(decideFailback(testCluster([node, { name: 'node2' }], [wanting]), NOW)).toEqual([]);
  });

  test('leaves a VM alone that has just moved, or whose failback has just failed', () => {
    expect(decideFailback(testCluster(two, [{ ...wanting, status: { since: minutesAgo(3) } }]), NOW)).toEqual([]);
    const receipt = { vm: 'A', destination: 'node1', outcome: 'failed', endedAt: minutesAgo(5) };
    const failed = applyEntries(testCluster(two, [wanting]), {
      ...{ entries: [{ key: keys.migration('m'), value: receipt, modRevision: '99' }], revision: '99', nowMs: 0 },
    });
    expect(decideFailback(failed, NOW)).toEqual([]);
  });

  test.each([
    [{ fromHour: 22, toHour: 6 }, 0],
    [{ fromHour: 11, toHour: 13 }, 1],
    [{ fromHour: 10, toHour: 12 }, 0],
    [{ fromHour: 20, toHour: 13 }, 1],
  ])('keeps to its window, at noon: %j', (window, moves) => {
    const vm = { ...wanting, availability: { ...wanting.availability, failback: { enabled: true, window } } };
    expect(decideFailback(testCluster(two, [vm]), NOW)).toHaveLength(moves);
  });

  test('moves one VM at a time between the same nodes', () => {
    expect(decideFailback(testCluster(two, [wanting, { ...wanting, name: 'B' }]), NOW)).toHaveLength(1);
  });
});

describe('failback after a drain', () => {
  const service: NodeService = {
    ...{ mode: 'active', since: minutesAgo(1), by: 'admin' },
    drain: { id: 'd', requestedAt: minutesAgo(30), vms: ['A', 'B', 'Deleted'], failures: {} },
  };
  const resumed: TestNode[] = [{ name: 'node1', service }, { name: 'node2' }];
  const moved: TestVm = { name: 'A', on: 'node2', status: { since: minutesAgo(2) } };

  test('brings back what the drain had moved away, one by one, then ends', () => {
    const away = testCluster(resumed, [moved, { ...moved, name: 'B' }, { ...moved, name: 'Other' }]);
    expect(decideFailback(away, NOW)).toMatchObject([{ kind: 'migrate', vm: 'A', to: 'node1' }]);
    const here = testCluster(
      resumed,
      ['A', 'B'].map((name) => ({ name, on: 'node1' })),
    );
    const [finish] = decideFailback(here, NOW);
    expect(finish).toMatchObject({ kind: 'finish', node: 'node1' });
    const after = finish?.kind === 'finish' ? transact(here, finish.transaction) : null;
    expect(after?.nodes.get('node1')?.service?.value).toMatchObject({ mode: 'active', drain: null });
  });

  test('waits for the last one under way, and gives up what fails twice', () => {
    const under = testCluster(resumed, [{ ...moved, intent: { destination: 'node1' } }]);
    expect(decideFailback(under, NOW)).toEqual([]);
    const failed = ['m1', 'm2'].map((id) => ({
      ...{ key: keys.migration(id), modRevision: '99' },
      value: { vm: 'A', destination: 'node1', outcome: 'failed', endedAt: minutesAgo(0.5) },
    }));
    const state = applyEntries(testCluster(resumed, [moved]), { entries: failed, revision: '99', nowMs: 0 });
    expect(decideFailback(state, NOW)).toMatchObject([{ kind: 'finish' }]);
  });
});
