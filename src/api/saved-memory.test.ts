import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiCluster, startApiCluster } from '../../test/doubles/api-cluster.ts';
import { testIntent, testMemory, vmEntries } from '../../test/doubles/cluster-facts.ts';
import type { VmExplanation } from '../contract/availability.ts';
import type { VmView } from '../contract/vms.ts';
import { keys } from '../model/keys.ts';
import type { NodeMemory } from '../model/node.ts';
import { GIBIBYTE, MEBIBYTE } from '../model/units.ts';
import type { SavedMemory, VmRecord, VmStatus } from '../model/vm.ts';

const RECORD = keys.vmRecord('WebServer');
const STATUS = keys.vmStatus('WebServer');
const saved: SavedMemory = {
  ...{ path: '/volumes/shared/vms/WebServer-0/a.memory', sizeBytes: 300 * MEBIBYTE, definitionHash: 'h' },
  savedAt: '2026-01-01T00:00:00.000Z',
};

let cluster: ApiCluster;
beforeEach(async () => {
  cluster = await startApiCluster();
});
afterEach(() => cluster.close());

const record = () => cluster.store.value<VmRecord>(RECORD);
const status = () => cluster.store.value<VmStatus>(STATUS);
const refused = (action: string, body?: object) => cluster.refusal('POST', `/vms/WebServer/${action}`, body);

async function show(): Promise<VmView> {
  return (await cluster.ask('GET', '/vms/WebServer')).body as VmView;
}

/** A VM with saved memory, in this state. */
async function putSaved(state: VmStatus['state'], change: Partial<VmRecord> = {}): Promise<void> {
  const entries = vmEntries('WebServer', state);
  await cluster.put({ ...entries, [RECORD]: { ...(entries[RECORD] as VmRecord), saved, ...change } });
}

/** What the owner writes when it is done with the newest request. */
async function settle(change: Partial<VmStatus>): Promise<void> {
  await cluster.put({ [STATUS]: { ...status(), ...change, settledRequest: record()?.request?.id } });
}

describe('save', () => {
  test.each(['running', 'paused'] as const)(
    'is asked of a guest that is %s, and is to run until it is saved',
    async (state) => {
      await cluster.put(vmEntries('WebServer', state));
      const { status: code, body } = await cluster.ask('POST', '/vms/WebServer/save');
      expect(code).toBe(202);
      expect(record()).toMatchObject({
        ...{ desired: 'running', request: { action: 'save', id: (body as { requestId: string }).requestId } },
      });
      expect(await cluster.ask('POST', '/vms/WebServer/save')).toMatchObject({ body });
    },
  );

  test.each(['off', 'starting', 'failed', 'saved'] as const)('refuses a VM that is %s', async (state) => {
    await cluster.put(vmEntries('WebServer', state));
    expect(await refused('save')).toMatchObject({
      code: 'VM_STATE_UNSUITABLE',
      message: `WebServer is ${state} and cannot be saved; it can when it is running or paused.`,
    });
  });

  test('refuses while it is being migrated, and when its owner is silent', async () => {
    await cluster.put({ ...vmEntries('WebServer', 'running'), [keys.vmIntent('WebServer')]: testIntent('WebServer') });
    expect(await refused('save')).toMatchObject({ code: 'VM_MIGRATING' });
    await cluster.put({ [keys.vmIntent('WebServer')]: undefined });
    cluster.clock.advance(10_000);
    expect(await refused('save')).toMatchObject({ code: 'NODE_UNREACHABLE' });
  });

  test('keeps a migration from being opened, and a turn-off can end it', async () => {
    await cluster.put(vmEntries('WebServer', 'running'));
    await cluster.ask('POST', '/vms/WebServer/save');
    expect(await refused('migrate', { to: 'node2' })).toMatchObject({
      ...{ code: 'VM_STATE_UNSUITABLE', message: 'WebServer is being saved.' },
    });
    expect((await cluster.ask('POST', '/vms/WebServer/turn-off')).status).toBe(202);
    expect(record()).toMatchObject({ desired: 'off', request: { action: 'turn-off' } });
  });
});

describe('a saved VM', () => {
  test('is shown so, with when and how large, and is explained', async () => {
    await putSaved('saved');
    expect(await show()).toMatchObject({
      ...{ state: 'saved', saved: { savedAt: saved.savedAt, sizeBytes: saved.sizeBytes } },
    });
    const { why } = (await cluster.ask('GET', '/vms/WebServer/explanation')).body as VmExplanation;
    expect(why).toContain(
      'Its memory has been in a file of 300 MiB since 2026-01-01T00:00:00.000Z: its next start goes on from there, unless `godwit vm discard WebServer` deletes it.',
    );
  });

  test('is not live-migrated', async () => {
    await putSaved('saved');
    expect(await refused('migrate', { to: 'node2' })).toMatchObject({
      ...{ code: 'VM_STATE_UNSUITABLE', message: 'WebServer is saved; only a running VM can be live-migrated.' },
    });
  });

  test.each(['shutdown', 'turn-off', 'pause', 'resume', 'reset'])('refuses %s: it has no guest', async (action) => {
    await putSaved('saved');
    expect(await refused(action)).toMatchObject({ code: 'VM_STATE_UNSUITABLE' });
  });

  test('is started with its memory on the node, and keeps the file until the guest runs', async () => {
    await putSaved('saved');
    expect((await cluster.ask('POST', '/vms/WebServer/start')).status).toBe(202);
    expect(record()).toMatchObject({ desired: 'running', request: { action: 'start' }, saved });
    expect(cluster.store.value<NodeMemory>(keys.nodeMemory('node1'))?.allocations).toEqual({
      WebServer: 256 * MEBIBYTE,
    });
    expect(cluster.memoryRemoved).toEqual([]);
  });

  test('is started elsewhere, from the same file, when its owner is not there', async () => {
    await putSaved('saved');
    cluster.clock.advance(10_000);
    const heartbeat = cluster.store.value<{ sequence: number }>(keys.nodeHeartbeat('node2'));
    await cluster.put({ [keys.nodeHeartbeat('node2')]: { ...heartbeat, sequence: 9 } });
    expect((await cluster.ask('POST', '/vms/WebServer/start')).status).toBe(202);
    expect(cluster.store.value(keys.vmOwner('WebServer'))).toEqual({ node: 'node2' });
    expect(record()).toMatchObject({ desired: 'running', saved });
  });

  test('stays saved when its start is taken back before anybody has begun, also while its owner is silent', async () => {
    await putSaved('saved');
    await cluster.ask('POST', '/vms/WebServer/start');
    cluster.clock.advance(10_000);
    expect((await cluster.ask('POST', '/vms/WebServer/turn-off')).status).toBe(202);
    await settle({ state: 'off' });
    expect(await show()).toMatchObject({ state: 'saved', saved: { sizeBytes: saved.sizeBytes } });
  });

  test('takes no room on its node', async () => {
    await putSaved('saved');
    expect((await cluster.ask('GET', '/nodes/node1')).body).toMatchObject({ memory: { freeBytes: GIBIBYTE } });
  });

  test('is deleted with its memory, whatever becomes of its disks', async () => {
    await putSaved('saved');
    expect((await cluster.ask('DELETE', '/vms/WebServer')).status).toBe(200);
    expect(record()).toBeUndefined();
    expect(cluster.memoryRemoved).toEqual(['/volume/WebServer.memory', '/volume/WebServer.left-over']);
  });
});

const HELD = { addDisks: [{ sizeBytes: GIBIBYTE }], removeDisks: ['disk0'], deleteDiskFiles: true };

describe.each(['saved', 'failed'] as const)('the hardware of a VM with saved memory that is %s', (state) => {
  beforeEach(() => putSaved(state));

  const change = (body: object) => cluster.ask('PATCH', '/vms/WebServer', body);

  test('waits: its guest goes on with what it knows', async () => {
    const before = record()?.definition;
    expect((await change({ memoryBytes: 512 * MEBIBYTE })).body).toMatchObject({
      ...{ memoryBytes: 256 * MEBIBYTE, pending: { memoryBytes: 512 * MEBIBYTE } },
    });
    expect(record()?.definition).toEqual(before);
  });

  test('is not taken by a start that goes on from there', async () => {
    await change({ memoryBytes: 512 * MEBIBYTE });
    const before = record()?.definition;
    await cluster.ask('POST', '/vms/WebServer/start');
    expect(record()).toMatchObject({ definition: before, pendingDefinition: { memoryBytes: 512 * MEBIBYTE }, saved });
    expect(cluster.store.value(keys.nodeMemory('node1'))).toEqual(testMemory({ WebServer: 256 * MEBIBYTE }));
  });

  test('is taken by the start after the memory was deleted', async () => {
    await change({ memoryBytes: 512 * MEBIBYTE });
    await cluster.ask('DELETE', '/vms/WebServer/saved-memory');
    await cluster.ask('POST', '/vms/WebServer/start');
    expect(record()).toMatchObject({ definition: { memoryBytes: 512 * MEBIBYTE } });
    expect(record()?.pendingDefinition).toBeUndefined();
  });

  test.each([{ growDisks: [{ id: 'disk0', sizeBytes: 2 * GIBIBYTE }] }, HELD])('refuses %j', async (body) => {
    expect(await cluster.refusal('PATCH', '/vms/WebServer', body)).toMatchObject({
      code: 'VM_STATE_UNSUITABLE',
      message: expect.stringContaining('its guest goes on with these disks'),
      nextStep: expect.stringContaining('godwit vm discard WebServer'),
    });
  });
});

describe('DELETE /vms/:name/saved-memory', () => {
  const discard = () => cluster.ask('DELETE', '/vms/WebServer/saved-memory');
  const refusedDiscard = () => cluster.refusal('DELETE', '/vms/WebServer/saved-memory');

  test.each(['saved', 'off', 'failed'] as const)('leaves a VM that was %s off, without its file', async (state) => {
    await putSaved(state, { request: { id: 'r', action: 'save', at: '' } });
    await settle({ error: { code: 'HYPERVISOR_FAILED', message: 'It could not be loaded.', nextStep: '' } });
    const { status: code, body } = await discard();
    expect(code).toBe(200);
    expect(body).toMatchObject({
      ...{ state: 'off', saved: null, error: null, reason: 'Its saved memory was deleted', settledRequest: 'r' },
    });
    expect(record()).not.toHaveProperty('saved');
    expect(cluster.memoryRemoved).toEqual([saved.path]);
  });

  test('of a VM that has failed and was to run leaves it off: nobody is to boot it anew unasked', async () => {
    await putSaved('failed', { desired: 'running' });
    await discard();
    expect(record()?.desired).toBe('off');
  });

  test('needs neither its owner nor anybody else', async () => {
    await putSaved('saved');
    cluster.clock.advance(10_000);
    expect((await discard()).status).toBe(200);
  });

  test('refuses a VM without any, and one that nobody knows', async () => {
    await cluster.put(vmEntries('WebServer', 'off'));
    expect(await refusedDiscard()).toMatchObject({
      ...{ code: 'VM_STATE_UNSUITABLE', message: 'WebServer has no saved memory.' },
    });
    expect(await cluster.refusal('DELETE', '/vms/Nobody/saved-memory')).toMatchObject({ code: 'VM_NOT_FOUND' });
  });

  test('refuses while it is to be started: its memory may be on the way into a guest', async () => {
    await putSaved('saved');
    await cluster.ask('POST', '/vms/WebServer/start');
    expect(await refusedDiscard()).toMatchObject({ code: 'VM_STATE_UNSUITABLE' });
    await settle({ state: 'starting', settledRequest: null });
    expect(await refusedDiscard()).toMatchObject({ code: 'VM_STATE_UNSUITABLE' });
    expect(cluster.memoryRemoved).toEqual([]);
  });

  test('refuses when somebody was faster with a start', async () => {
    await putSaved('saved');
    cluster.store.beforeNext = () => {
      const request = { id: 'theirs', action: 'start', at: '' };
      cluster.store.put({ [RECORD]: { ...record(), desired: 'running', request } });
    };
    expect((await discard()).body).toMatchObject({ code: 'VM_STATE_UNSUITABLE' });
    expect(record()).toMatchObject({ saved, request: { id: 'theirs' } });
    expect(cluster.memoryRemoved).toEqual([]);
  });

  test('refuses when its owner has begun to load it just before', async () => {
    await putSaved('saved');
    cluster.store.beforeNext = () => cluster.store.put({ [STATUS]: { ...status(), state: 'starting' } });
    expect((await discard()).body).toMatchObject({ code: 'VM_STATE_UNSUITABLE' });
    expect(cluster.memoryRemoved).toEqual([]);
  });

  test('refuses a VM that has failed and may still have a process, and one that migrates', async () => {
    await putSaved('failed');
    await cluster.put({ [STATUS]: { ...status(), instance: 'unknown' } });
    expect(await refusedDiscard()).toMatchObject({
      ...{ code: 'VM_STATE_UNSUITABLE', message: expect.stringContaining('may still have a process') },
    });
    await cluster.put({
      [STATUS]: { ...status(), instance: null },
      [keys.vmIntent('WebServer')]: testIntent('WebServer'),
    });
    expect(await refusedDiscard()).toMatchObject({ code: 'VM_MIGRATING' });
  });
});
