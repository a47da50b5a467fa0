import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiCluster, startApiCluster } from '../../test/doubles/api-cluster.ts';
import { testIntent, testMemory, vmEntries } from '../../test/doubles/cluster-facts.ts';
import type { NodeMembership } from '../model/authority.ts';
import { keys } from '../model/keys.ts';
import type { NodeMemory } from '../model/node.ts';
import { GIBIBYTE, MEBIBYTE } from '../model/units.ts';
import type { VmAction, VmRecord, VmStatus } from '../model/vm.ts';

const FENCED: NodeMembership = {
  ...{ state: 'fenced', bootId: 'b', since: '2026-01-01T00:00:00.000Z', reason: 'It was silent.', by: 'node2' },
  evidence: { kind: 'votes', voters: ['node2', 'witness'], heartbeatRevision: '1' },
};

describe('requests to change the power state', () => {
  let cluster: ApiCluster;
  beforeEach(async () => {
    cluster = await startApiCluster();
  });
  afterEach(() => cluster.close());

  const record = () => cluster.store.value<VmRecord>(keys.vmRecord('WebServer'));

  /** What the owner would write once it has dealt with the newest request. */
  async function settle(state: VmStatus['state']): Promise<void> {
    const status = cluster.store.value<VmStatus>(keys.vmStatus('WebServer'));
    await cluster.put({ [keys.vmStatus('WebServer')]: { ...status, state, settledRequest: record()?.request?.id } });
  }

  test('start asks for running and takes the memory on the owner in the same transaction', async () => {
    await cluster.put(vmEntries('WebServer', 'off'));
    const { status, body } = await cluster.ask('POST', '/vms/WebServer/start');
    expect(status).toBe(202);
    expect(record()).toMatchObject({
      desired: 'running',
      request: { id: (body as { requestId: string }).requestId, action: 'start' },
    });
    expect(cluster.store.value<NodeMemory>(keys.nodeMemory('node1'))?.allocations).toEqual({
      WebServer: 256 * MEBIBYTE,
    });
    expect(cluster.store.tried).toHaveLength(1);
  });

  test.each([
    ['shutdown', 'shutdown'],
    ['turn-off', 'turn-off'],
  ])('%s asks for off', async (path, action) => {
    await cluster.put(vmEntries('WebServer', 'running'));
    expect((await cluster.ask('POST', `/vms/WebServer/${path}`)).status).toBe(202);
    expect(record()).toMatchObject({ desired: 'off', request: { action } });
  });

  test.each(['start', 'shutdown', 'turn-off'])('%s refuses an unknown VM', async (action) => {
    expect(await cluster.refusal('POST', `/vms/Nobody/${action}`)).toMatchObject({ code: 'VM_NOT_FOUND' });
  });

  test.each([
    ['start', 'running'],
    ['start', 'starting'],
    ['shutdown', 'off'],
    ['shutdown', 'failed'],
    ['turn-off', 'off'],
  ] as const)('%s refuses a VM that is %s', async (action, state) => {
    await cluster.put(vmEntries('WebServer', state));
    expect(await cluster.refusal('POST', `/vms/WebServer/${action}`)).toMatchObject({ code: 'VM_STATE_UNSUITABLE' });
  });

  test('start asked for again before anybody has settled it is the same start; once it has failed it is a new one', async () => {
    await cluster.put(vmEntries('WebServer', 'off'));
    const first = await cluster.ask('POST', '/vms/WebServer/start');
    const before = JSON.stringify(cluster.store.contents());
    expect(await cluster.ask('POST', '/vms/WebServer/start')).toEqual(first);
    expect(JSON.stringify(cluster.store.contents())).toBe(before);
    await settle('failed');
    const next = await cluster.ask('POST', '/vms/WebServer/start');
    expect(next.status).toBe(202);
    expect(next.body).not.toEqual(first.body);
  });

  test('start asked for again while the owner begins with it is the same start', async () => {
    await cluster.put(vmEntries('WebServer', 'off'));
    const first = await cluster.ask('POST', '/vms/WebServer/start');
    const status = cluster.store.value<VmStatus>(keys.vmStatus('WebServer'));
    await cluster.put({ [keys.vmStatus('WebServer')]: { ...status, state: 'starting' } });
    expect(await cluster.ask('POST', '/vms/WebServer/start')).toEqual(first);
  });

  test('start whose owner has fallen silent since it was asked for is refused, with the owner named', async () => {
    await cluster.put(vmEntries('WebServer', 'off'));
    await cluster.ask('POST', '/vms/WebServer/start');
    cluster.clock.advance(10_000);
    expect(await cluster.refusal('POST', '/vms/WebServer/start')).toMatchObject({ code: 'NODE_UNREACHABLE' });
  });

  describe('at the same moment', () => {
    /** Somebody else is faster by a moment: their request is there, and perhaps dealt with, before ours is written. */
    const meanwhile = (action: VmAction, state?: VmStatus['state']) => {
      cluster.store.beforeNext = () => {
        const request = { id: 'theirs', action, at: '2026-01-01T00:00:00.000Z' };
        const desired = action === 'shutdown' || action === 'turn-off' ? 'off' : 'running';
        cluster.store.put({ [keys.vmRecord('WebServer')]: { ...record(), desired, request } });
        if (state === undefined) return;
        const status = cluster.store.value<VmStatus>(keys.vmStatus('WebServer'));
        cluster.store.put({ [keys.vmStatus('WebServer')]: { ...status, state, settledRequest: 'theirs' } });
      };
    };

    test.each([
      ['start', 'off'],
      ['shutdown', 'running'],
      ['turn-off', 'running'],
      ['pause', 'running'],
      ['resume', 'paused'],
      ['reset', 'running'],
    ] as const)('%s by two is one request, and both wait for it', async (action, state) => {
      await cluster.put(vmEntries('WebServer', state));
      meanwhile(action);
      expect(await cluster.ask('POST', `/vms/WebServer/${action}`)).toEqual({
        ...{ status: 202, body: { requestId: 'theirs' } },
      });
      expect(record()?.request?.id).toBe('theirs');
    });

    test('also by many', async () => {
      await cluster.put(vmEntries('WebServer', 'running'));
      const eight = Array.from({ length: 8 }, () => cluster.ask('POST', '/vms/WebServer/turn-off'));
      const bodies = (await Promise.all(eight)).map(({ body }) => body);
      expect(bodies).toEqual(bodies.map(() => ({ requestId: record()?.request?.id })));
    });

    test('also when the owner is done with the other one by then', async () => {
      await cluster.put(vmEntries('WebServer', 'running'));
      meanwhile('turn-off', 'off');
      expect(await cluster.ask('POST', '/vms/WebServer/turn-off')).toEqual({
        ...{ status: 202, body: { requestId: 'theirs' } },
      });
    });

    test('a different wish is refused by the name of the one that was faster', async () => {
      await cluster.put(vmEntries('WebServer', 'running'));
      meanwhile('turn-off');
      expect((await cluster.ask('POST', '/vms/WebServer/pause')).body).toMatchObject({
        code: 'CONCURRENT_CHANGE',
        message: 'WebServer cannot be paused now: somebody else asked at the same moment that it be turned off.',
      });
      expect(record()?.request?.id).toBe('theirs');
    });

    test('but a VM can always be turned off', async () => {
      await cluster.put(vmEntries('WebServer', 'running'));
      meanwhile('shutdown');
      expect((await cluster.ask('POST', '/vms/WebServer/turn-off')).status).toBe(202);
      expect(record()?.request?.action).toBe('turn-off');
    });
  });

  test('what a VM is about to become is named when it is in the way', async () => {
    await cluster.put(vmEntries('WebServer', 'running'));
    await cluster.ask('POST', '/vms/WebServer/turn-off');
    expect(await cluster.refusal('POST', '/vms/WebServer/start')).toMatchObject({
      code: 'VM_STATE_UNSUITABLE',
      message: 'WebServer is running and is to be turned off; it cannot be started now.',
    });
  });

  test('a guest that does not listen can be asked once more to shut down', async () => {
    await cluster.put(vmEntries('WebServer', 'running'));
    const first = await cluster.ask('POST', '/vms/WebServer/shutdown');
    const second = await cluster.ask('POST', '/vms/WebServer/shutdown');
    expect(second.body).not.toEqual(first.body);
    expect(second.body).toEqual({ requestId: record()?.request?.id });
  });

  test('turn-off takes back a start that nobody has begun, also while the owner is silent', async () => {
    await cluster.put(vmEntries('WebServer', 'off'));
    await cluster.ask('POST', '/vms/WebServer/start');
    cluster.clock.advance(10_000);
    expect((await cluster.ask('POST', '/vms/WebServer/turn-off')).status).toBe(202);
    expect(record()).toMatchObject({ desired: 'off' });
  });

  test('turn-off of a VM whose owner is fenced is taken: whoever would bring it back leaves it off', async () => {
    await cluster.put({ ...vmEntries('WebServer', 'running'), [keys.nodeMembership('node1')]: FENCED });
    cluster.clock.advance(10_000);
    expect((await cluster.ask('POST', '/vms/WebServer/turn-off')).status).toBe(202);
    expect(record()).toMatchObject({ desired: 'off', request: { action: 'turn-off' } });
  });

  test.each(['start', 'shutdown', 'turn-off'])('%s refuses while a migration is open', async (action) => {
    await cluster.put({ ...vmEntries('WebServer', 'running'), [keys.vmIntent('WebServer')]: testIntent('WebServer') });
    expect(await cluster.refusal('POST', `/vms/WebServer/${action}`)).toMatchObject({ code: 'VM_MIGRATING' });
  });

  test.each([
    ['start', 'off'],
    ['shutdown', 'running'],
    ['turn-off', 'running'],
  ] as const)('%s refuses when the owner is silent', async (action, state) => {
    await cluster.put(vmEntries('WebServer', state));
    cluster.clock.advance(10_000);
    expect(await cluster.refusal('POST', `/vms/WebServer/${action}`)).toMatchObject({ code: 'NODE_UNREACHABLE' });
  });

  test.each([
    ['paused', { [keys.nodeService('node1')]: { mode: 'paused', since: '', by: 'admin', drain: null } }],
    ['fenced', { [keys.nodeMembership('node1')]: FENCED }],
  ])('start of a VM whose owner is %s gives it another owner, with memory there', async (_state, entries) => {
    await cluster.put({ ...vmEntries('WebServer', 'off'), ...entries });
    expect((await cluster.ask('POST', '/vms/WebServer/start')).status).toBe(202);
    expect(cluster.store.value(keys.vmOwner('WebServer'))).toEqual({ node: 'node2' });
    expect(cluster.store.value<NodeMemory>(keys.nodeMemory('node2'))?.allocations).toEqual({
      WebServer: 256 * MEBIBYTE,
    });
    expect(record()).toMatchObject({ desired: 'running', request: { action: 'start' } });
  });

  test('start of a VM whose owner takes none, with no other place, says why', async () => {
    await cluster.put({
      ...vmEntries('WebServer', 'off'),
      [keys.nodeService('node1')]: { mode: 'paused', since: '', by: 'admin', drain: null },
      [keys.nodeMemory('node2')]: testMemory({ Other: GIBIBYTE }),
    });
    expect(await cluster.refusal('POST', '/vms/WebServer/start')).toMatchObject({
      code: 'PLACEMENT_NOT_POSSIBLE',
      nextStep: expect.stringContaining('node resume node1'),
      details: { reasons: [expect.stringContaining('node2 has 0 B')] },
    });
  });

  test('a VM on a paused node can be shut down', async () => {
    await cluster.put({
      ...vmEntries('WebServer', 'running'),
      [keys.nodeService('node1')]: { mode: 'paused', since: '', by: 'admin', drain: null },
    });
    expect((await cluster.ask('POST', '/vms/WebServer/shutdown')).status).toBe(202);
  });

  test('start refuses with the figures when the owner has not enough memory', async () => {
    const memory = testMemory({ Other: GIBIBYTE - 100 * MEBIBYTE });
    await cluster.put({ ...vmEntries('WebServer', 'off'), [keys.nodeMemory('node1')]: memory });
    expect(await cluster.refusal('POST', '/vms/WebServer/start')).toMatchObject({
      code: 'NOT_ENOUGH_MEMORY',
      message: 'WebServer needs 256 MiB; node1 has 100 MiB of 1 GiB free for VMs.',
      details: { node: 'node1', freeBytes: 100 * MEBIBYTE },
    });
  });

  test('start sees memory that somebody else took just before, and refuses', async () => {
    await cluster.put(vmEntries('WebServer', 'off'));
    cluster.store.beforeNext = () => cluster.store.put({ [keys.nodeMemory('node1')]: testMemory({ Other: GIBIBYTE }) });
    expect((await cluster.ask('POST', '/vms/WebServer/start')).body).toMatchObject({ code: 'NOT_ENOUGH_MEMORY' });
    expect(record()?.request).toBeNull();
  });
});
