import { describe, expect, test } from 'vitest';
import { LONG_AGO, NOW, testCluster, type TestVm, transact } from '../../test/doubles/failover-cluster.ts';
import type { ClusterState, VmEntry } from '../model/cluster-state.ts';
import { GIBIBYTE, MEBIBYTE } from '../model/units.ts';
import { decideElsewhere, moveOffVm, newOwnerForStart } from './elsewhere.ts';

const restarts = { since: new Date(NOW.wallMs - 60_000).toISOString(), here: 1, elsewhere: 0, failedOn: ['node1'] };
const failed: TestVm = {
  ...{ name: 'A', on: 'node1', state: 'starting' },
  status: { restarts, reason: 'Its QEMU ended unexpectedly; to be started on another node (1 of 1)' },
};
const two = [{ name: 'node1' }, { name: 'node2' }];

function vm(state: ClusterState): VmEntry {
  const entry = state.vms.get('A');
  if (entry === undefined) throw new Error('the test has no VM');
  return entry;
}

describe('decideElsewhere', () => {
  test('gives the VM to another node, with the memory, and counts it', () => {
    const state = testCluster(two, [failed]);
    const decision = decideElsewhere(state, NOW, vm(state));
    const after = transact(state, decision.transaction);
    expect(after && vm(after).owner?.value.node).toBe('node2');
    expect(after && vm(after).status?.value).toMatchObject({
      ...{ state: 'starting', instance: null, restarts: { here: 0, elsewhere: 1, failedOn: ['node1'] } },
    });
    expect([...(after?.memory ?? [])].map(([name, { value }]) => [name, value.allocations])).toEqual([
      ['node1', {}],
      ['node2', { A: 256 * MEBIBYTE }],
    ]);
  });

  test('has failed with the reasons if no other node can take it', () => {
    const state = testCluster(two, [failed, { name: 'Full', on: 'node2', memoryBytes: GIBIBYTE }]);
    const decision = decideElsewhere(state, NOW, vm(state));
    const after = transact(state, decision.transaction);
    expect(after && vm(after)).toMatchObject({
      record: { value: { desired: 'off' } },
      status: { value: { state: 'failed' } },
    });
    expect(decision.event).toMatchObject({ kind: 'vm-failed', critical: true });
    expect(decision.reason).toContain('no other node can take it (node2: not enough memory)');
  });
});

describe('newOwnerForStart', () => {
  test.each<[string, 'silent' | 'fenced', Partial<TestVm>, 'found' | 'refused']>([
    ['a VM that is off goes to another node', 'silent', { state: 'off' }, 'found'],
    ['one that may run on a silent node stays', 'silent', {}, 'refused'],
    ['one that the guard has stopped goes', 'fenced', {}, 'found'],
    ['one that no guard stops stays', 'fenced', { record: { highlyAvailable: false } }, 'refused'],
    [
      'also when it is shown as failed',
      'fenced',
      { state: 'failed', status: { instance: 'i1' }, record: { highlyAvailable: false } },
      'refused',
    ],
  ])('%s', (...[, is, change, expected]) => {
    const state = testCluster([{ name: 'node1', is }, { name: 'node2' }], [{ name: 'A', on: 'node1', ...change }]);
    expect(newOwnerForStart(state, NOW, vm(state)).kind).toBe(expected);
  });

  test('takes the memory there, and says all reasons where there is none', () => {
    const off: TestVm = { name: 'A', on: 'node1', state: 'off' };
    const state = testCluster([{ name: 'node1', is: 'silent' }, { name: 'node2' }], [off]);
    const found = newOwnerForStart(state, NOW, vm(state));
    const after = found.kind === 'found' ? transact(state, found) : null;
    expect(after && vm(after).owner?.value.node).toBe('node2');
    expect(after?.memory.get('node2')?.value.allocations).toEqual({ A: 256 * MEBIBYTE });
    const full = testCluster(
      [{ name: 'node1', is: 'silent' }, { name: 'node2' }],
      [off, { name: 'Full', on: 'node2', memoryBytes: GIBIBYTE }],
    );
    expect(newOwnerForStart(full, NOW, vm(full))).toEqual({
      ...{ kind: 'refused', mayRun: false },
      reasons: ['node2 has 0 B of 1 GiB free for VMs, A needs 256 MiB.'],
    });
  });
});

test('somebody who asks for a start gets it where the VM has failed lately, if there is no other node', () => {
  const lately = { restarts: { ...restarts, failedOn: ['node2'] } };
  const off: TestVm = { name: 'A', on: 'node1', state: 'off', status: lately };
  const fenced = { name: 'node1', is: 'fenced' } as const;
  const two = testCluster([fenced, { name: 'node2' }], [off]);
  expect(newOwnerForStart(two, NOW, vm(two))).toMatchObject({ kind: 'found', to: 'node2' });
  const three = testCluster([fenced, { name: 'node2' }, { name: 'node3' }], [off]);
  expect(newOwnerForStart(three, NOW, vm(three))).toMatchObject({ kind: 'found', to: 'node3' });
});

describe('moveOffVm', () => {
  test('changes the owner and takes no memory', () => {
    const service = { mode: 'draining' as const, since: LONG_AGO, by: 'x', drain: null };
    const state = testCluster(
      [{ name: 'node1', service }, { name: 'node2' }],
      [{ name: 'A', on: 'node1', state: 'off' }],
    );
    const moved = moveOffVm(state, NOW, vm(state));
    const after = moved && transact(state, moved.transaction);
    expect(after && vm(after)).toMatchObject({
      owner: { value: { node: 'node2' } },
      status: { value: { node: 'node2' } },
    });
    expect(after?.memory.get('node2')?.value.allocations).toEqual({});
  });
});
