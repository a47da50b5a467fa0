import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  LONG_AGO,
  NOW,
  type TestNode,
  testCluster,
  type TestVm,
  transact,
} from '../../test/doubles/failover-cluster.ts';
import type { ClusterState } from '../model/cluster-state.ts';
import { freeMemoryBytes } from '../model/node.ts';
import { GIBIBYTE, MEBIBYTE } from '../model/units.ts';
import { decideRecovery, type RecoveryDecision } from './recovery.ts';
import { releaseStaleMemory, staleMemory } from './stale-memory.ts';

const THREE: TestNode[] = [{ name: 'node1', is: 'fenced' }, { name: 'node2' }, { name: 'node3' }];

function recoverAll(start: ClusterState): { state: ClusterState; rounds: number } {
  let state = start;
  for (let rounds = 0; ; rounds += 1) {
    const due = decideRecovery(state, NOW).filter(({ transaction }) => transaction !== null);
    if (due.length === 0 || rounds > 100) return { state, rounds };
    for (const decision of due) state = commit(state, decision);
  }
}

function commit(state: ClusterState, { transaction }: RecoveryDecision): ClusterState {
  const next = transaction === null ? null : transact(state, transaction);
  if (next === null) throw new Error('a transaction of one round was refused');
  return next;
}

const ownerOf = (state: ClusterState, vm: string) => state.vms.get(vm)?.owner?.value.node;
const statusOf = (state: ClusterState, vm: string) => state.vms.get(vm)?.status?.value;

describe('decideRecovery', () => {
  test('has nothing to do while no node is fenced, however silent one is', () => {
    const state = testCluster([{ name: 'node1', is: 'silent' }, { name: 'node2' }], [{ name: 'A', on: 'node1' }]);
    expect(decideRecovery(state, NOW)).toEqual([]);
  });

  test('gives a VM a new owner that is to start it, and says why there', () => {
    const { state } = recoverAll(
      testCluster(THREE, [
        { name: 'A', on: 'node1' },
        { name: 'B', on: 'node2' },
      ]),
    );
    expect(ownerOf(state, 'A')).toBe('node3');
    expect(statusOf(state, 'A')).toMatchObject({ state: 'starting', node: 'node3', instance: null });
    expect(statusOf(state, 'A')?.reason).toContain('node1 was fenced: node2, node3 had not heard of it');
    expect(statusOf(state, 'A')?.reason).toContain(
      'node3 has the most free memory (1 GiB) of the nodes that can take it',
    );
    expect(state.memory.get('node3')?.value.allocations).toEqual({ A: 256 * MEBIBYTE });
  });

  test('fails when the fenced node has come back, when the VM was turned off, or when it has moved meanwhile', () => {
    const state = testCluster(THREE, [{ name: 'A', on: 'node1' }]);
    const [decision] = decideRecovery(state, NOW);
    const compared = decision?.transaction?.compare.map(({ key }) => key);
    expect(compared).toEqual(
      expect.arrayContaining([
        '/godwit/nodes/node1/membership',
        '/godwit/vms/A/owner',
        '/godwit/vms/A/record',
        '/godwit/vms/A/status',
        '/godwit/vms/A/intent',
        `/godwit/memory/${decision?.to}`,
      ]),
    );
    const done = commit(state, decision as RecoveryDecision);
    expect(decision?.transaction === null || transact(done, decision?.transaction ?? { compare: [], write: [] })).toBe(
      null,
    );
  });

  test('brings back the important ones first when there is not room for all', () => {
    const nodes = [
      { name: 'node1', is: 'fenced' as const },
      { name: 'node2', memoryBytes: 512 * MEBIBYTE },
    ];
    const vms: TestVm[] = [
      { name: 'Low', on: 'node1', availability: { priority: 'low' } },
      { name: 'Big', on: 'node1', memoryBytes: 400 * MEBIBYTE },
      { name: 'High', on: 'node1', availability: { priority: 'high' } },
    ];
    const { state } = recoverAll(testCluster(nodes, vms));
    expect(ownerOf(state, 'High')).toBe('node2');
    // What is too big leaves its place to a smaller one of a lower priority.
    expect(ownerOf(state, 'Low')).toBe('node2');
    expect(ownerOf(state, 'Big')).toBe('node1');
    expect(statusOf(state, 'Big')).toMatchObject({ state: 'starting', instance: null });
    expect(statusOf(state, 'Big')?.reason).toMatch(/^It waits: node1 was fenced: .* \(node2: not enough memory\)\.$/);
  });

  test('says once that a VM waits, and lets it go on by itself when there is room', () => {
    const nodes = [{ name: 'node1', is: 'fenced' as const }, { name: 'node2' }];
    const full: TestVm = { name: 'Full', on: 'node2', memoryBytes: GIBIBYTE };
    const waiting = recoverAll(testCluster(nodes, [{ name: 'A', on: 'node1' }, full])).state;
    expect(decideRecovery(waiting, NOW)).toMatchObject([{ kind: 'wait', transaction: null, events: [] }]);
    const freed = transact(waiting, {
      compare: [],
      write: [{ put: '/godwit/memory/node2', value: { capacityBytes: GIBIBYTE, allocations: {} } }],
    });
    expect(freed && ownerOf(recoverAll(freed).state, 'A')).toBe('node2');
  });

  test('settles an open migration first', () => {
    const state = testCluster(THREE, [{ name: 'A', on: 'node1', intent: { destination: 'node2' } }]);
    expect(decideRecovery(state, NOW)).toMatchObject([{ kind: 'settle', vms: [{ vm: 'A' }], transaction: null }]);
  });

  test('leaves VMs that are off where they are, and turns off those that were to be', () => {
    const request = { id: 'r', action: 'turn-off' as const, at: LONG_AGO };
    const { state } = recoverAll(
      testCluster(THREE, [
        { name: 'Off', on: 'node1', state: 'off' },
        { name: 'Ending', on: 'node1', record: { desired: 'off', request } },
      ]),
    );
    expect(ownerOf(state, 'Off')).toBe('node1');
    expect(statusOf(state, 'Ending')).toMatchObject({ state: 'off', settledRequest: 'r', instance: null });
  });

  test('never starts a VM elsewhere that is not highly available; its status says so', () => {
    const vm = { name: 'A', on: 'node1', record: { highlyAvailable: false } };
    const { state } = recoverAll(testCluster(THREE, [vm]));
    expect(ownerOf(state, 'A')).toBe('node1');
    expect(statusOf(state, 'A')).toMatchObject({ state: 'failed', instance: 'i1' });
    expect(statusOf(state, 'A')?.reason).toContain('nobody knows whether it still runs there');
    const powerOff = { kind: 'power-off', agent: 'fence_ipmilan', confirmedAt: LONG_AGO } as const;
    const dead = testCluster([{ name: 'node1', is: 'fenced', evidence: powerOff }, { name: 'node2' }], [vm]);
    expect(statusOf(recoverAll(dead).state, 'A')).toMatchObject({ state: 'failed', instance: null });
  });

  test('never starts one elsewhere that no guard stops yet, however often it is looked at', () => {
    const vm = { name: 'A', on: 'node1', record: { highlyAvailable: true }, status: { guarded: false } };
    const { state, rounds } = recoverAll(testCluster(THREE, [vm]));
    expect([ownerOf(state, 'A'), rounds]).toEqual(['node1', 1]);
    expect(statusOf(state, 'A')).toMatchObject({ state: 'failed', instance: 'i1', guarded: false });
  });

  test('does not put it back where it has failed lately', () => {
    const restarts = { since: new Date(NOW.wallMs - 60_000).toISOString(), here: 0, elsewhere: 1, failedOn: ['node3'] };
    const vms = [
      { name: 'A', on: 'node1', status: { restarts } },
      { name: 'B', on: 'node2', memoryBytes: 700 * MEBIBYTE },
    ];
    expect(ownerOf(recoverAll(testCluster(THREE, vms)).state, 'A')).toBe('node2');
  });

  test('a copy that may still run somewhere is never shown as gone, not even one that has just arrived', () => {
    const vm = { name: 'A', on: 'node1', record: { highlyAvailable: false }, status: { instance: null } };
    const { state } = recoverAll(testCluster(THREE, [vm]));
    expect(statusOf(state, 'A')).toMatchObject({ state: 'failed', instance: 'unknown' });
  });

  test('keeps VMs of one group apart also within one round', () => {
    const apart = { antiAffinity: ['dns'] };
    const vms = ['A', 'B', 'C'].map((name) => ({ name, on: 'node1', availability: apart }));
    const { state } = recoverAll(testCluster(THREE, vms));
    expect(new Set(vms.map(({ name }) => ownerOf(state, name)))).toEqual(new Set(['node1', 'node2', 'node3']));
  });

  test('brings 500 VMs of one node to two others in a few rounds', () => {
    const nodes = [
      { name: 'node1', is: 'fenced' as const },
      { name: 'node2', memoryBytes: 100 * GIBIBYTE },
      { name: 'node3', memoryBytes: 100 * GIBIBYTE },
    ];
    const vms = Array.from({ length: 500 }, (_, index) => ({ name: `vm${index}`, on: 'node1' }));
    const { state, rounds } = recoverAll(testCluster(nodes, vms));
    expect(vms.filter(({ name }) => ownerOf(state, name) === 'node1')).toEqual([]);
    expect(rounds).toBeLessThanOrEqual(13);
  });
});

const arbitraryCluster = fc.record({
  nodes: fc.array(
    fc.record({
      is: fc.constantFrom('up' as const, 'up' as const, 'silent' as const, 'fenced' as const),
      memoryBytes: fc.integer({ min: 0, max: 8 }).map((units) => units * 128 * MEBIBYTE),
      mode: fc.constantFrom('active' as const, 'active' as const, 'paused' as const, 'draining' as const),
    }),
    { minLength: 1, maxLength: 5 },
  ),
  vms: fc.array(
    fc.record({
      on: fc.nat(),
      memoryBytes: fc.integer({ min: 1, max: 4 }).map((units) => units * 128 * MEBIBYTE),
      group: fc.constantFrom(null, null, 'a', 'b'),
      possible: fc.constantFrom<string[]>([], [], ['node1', 'node2']),
      state: fc.constantFrom('running' as const, 'running' as const, 'off' as const, 'starting' as const),
      highlyAvailable: fc.boolean(),
      priority: fc.constantFrom('high' as const, 'medium' as const, 'low' as const),
    }),
    { maxLength: 12 },
  ),
});

describe('whatever the cluster', () => {
  test('no node is overcommitted, no rule is broken, and it comes to an end', () => {
    fc.assert(
      fc.property(arbitraryCluster, ({ nodes, vms }) => {
        const start = testCluster(
          nodes.map(({ is, memoryBytes, mode }, index) => ({
            ...{ name: `node${index + 1}`, is, memoryBytes },
            service: { mode, since: LONG_AGO, by: 'admin', drain: null },
          })),
          vms.map(({ on, memoryBytes, group, possible, state, highlyAvailable, priority }, index) => ({
            ...{ name: `vm${index}`, on: `node${(on % nodes.length) + 1}`, memoryBytes, state },
            record: { highlyAvailable },
            availability: { antiAffinity: group === null ? [] : [group], possibleOwners: possible, priority },
          })),
        );
        const { state, rounds } = recoverAll(start);
        expect(rounds).toBeLessThan(20);
        for (const [vm, entry] of state.vms) {
          const before = start.vms.get(vm);
          const to = entry.owner?.value.node ?? '';
          if (to === before?.owner?.value.node) continue;
          const node = nodes[Number(to.slice(4)) - 1];
          const { possibleOwners = [], antiAffinity = [] } = entry.record.value.availability ?? {};
          expect(entry.record.value).toMatchObject({ highlyAvailable: true, desired: 'running' });
          expect(node).toMatchObject({ is: 'up', mode: 'active' });
          expect(possibleOwners.length === 0 || possibleOwners.includes(to)).toBe(true);
          const memory = state.memory.get(to)?.value;
          expect(memory && freeMemoryBytes(memory)).toBeGreaterThanOrEqual(0);
          const others = [...state.vms].filter(
            ([other, { owner, record }]) =>
              other !== vm &&
              owner?.value.node === to &&
              record.value.desired === 'running' &&
              record.value.availability?.antiAffinity.some((group) => antiAffinity.includes(group)),
          );
          expect(others).toEqual([]);
        }
      }),
    );
  });

  test('what a fenced node still holds for its VMs can be freed afterwards', () => {
    const { state } = recoverAll(testCluster(THREE, [{ name: 'A', on: 'node1' }]));
    const release = releaseStaleMemory(state, 'node1');
    const freed = release && transact(state, release);
    expect(freed?.memory.get('node1')?.value.allocations).toEqual({});
    expect(freed && releaseStaleMemory(freed, 'node1')).toBe(null);
    expect(releaseStaleMemory(state, ownerOf(state, 'A') ?? '')).toBe(null);
  });

  test('any other node frees it once the last VM has gone from there, so that a node that never comes back can be removed', () => {
    const start = testCluster(THREE, [{ name: 'A', on: 'node1' }]);
    expect(staleMemory(start, 'node2')).toEqual([]);
    const { state } = recoverAll(start);
    expect(staleMemory(state, 'node2').map(({ node }) => node)).toEqual(['node1']);
  });
});
