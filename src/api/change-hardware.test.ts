import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiCluster, startApiCluster } from '../../test/doubles/api-cluster.ts';
import { testDefinition, testIntent, vmEntries } from '../../test/doubles/cluster-facts.ts';
import type { VmView } from '../contract/vms.ts';
import { keys } from '../model/keys.ts';
import type { NodeMemory } from '../model/node.ts';
import { GIBIBYTE, MEBIBYTE } from '../model/units.ts';
import type { VmRecord, VmStatus } from '../model/vm.ts';

let cluster: ApiCluster;
beforeEach(async () => {
  cluster = await startApiCluster();
});
afterEach(() => cluster.close());

const record = () => cluster.store.value<VmRecord>(keys.vmRecord('WebServer'));
const refused = (body: object) => cluster.refusal('PATCH', '/vms/WebServer', body);

async function change(body: object): Promise<VmView> {
  const answer = await cluster.ask('PATCH', '/vms/WebServer', body);
  expect(answer).toMatchObject({ status: 200 });
  return answer.body as VmView;
}

/** What its owner writes once its QEMU has ended. */
async function turnOff(): Promise<void> {
  const status = cluster.store.value<VmStatus>(keys.vmStatus('WebServer'));
  await cluster.put({ [keys.vmStatus('WebServer')]: { ...status, state: 'off', instance: null } });
}

describe('hardware of a VM that is off', () => {
  beforeEach(() => cluster.put(vmEntries('WebServer', 'off')));

  test('changes at once', async () => {
    const vm = await change({ memoryBytes: 512 * MEBIBYTE, cpus: 2, addDisks: [{ sizeBytes: GIBIBYTE }] });
    expect(vm).toMatchObject({ memoryBytes: 512 * MEBIBYTE, cpus: 2, pending: null });
    expect(vm.disks.map(({ id }) => id)).toEqual(['disk0', 'disk1']);
    expect(cluster.disks.files).toContain(vm.disks[1]?.path);
  });

  test('what is left keeps its id, and so its place in the machine, when something else is removed', async () => {
    await change({ addNics: [{ switch: 'lan' }, { switch: 'lan' }] });
    const vm = await change({ removeNics: ['nic1'] });
    expect(vm.nics.map(({ id }) => id)).toEqual(['nic0', 'nic2']);
    expect(new Set(vm.nics.map(({ macAddress }) => macAddress)).size).toBe(2);
    expect((await change({ addNics: [{ switch: 'lan' }] })).nics.map(({ id }) => id)).toContain('nic1');
  });

  test('gets a medium and loses it again, and the definition is then as if there had been none', async () => {
    const before = record()?.definition;
    cluster.images.add('debian.iso', 'iso');
    expect((await change({ cdrom: 'debian.iso' })).cdroms).toEqual([
      { id: 'cd0', path: '/volumes/shared/images/debian.iso' },
    ]);
    await change({ cdrom: null });
    expect(record()?.definition).toEqual(before);
  });

  test('the file of a removed disk stays unless it is asked for', async () => {
    const [one, two] = (await change({ addDisks: [{ sizeBytes: GIBIBYTE }, { sizeBytes: GIBIBYTE }] })).disks.slice(1);
    await change({ removeDisks: [one?.id] });
    expect(cluster.disks.files).toContain(one?.path);
    await change({ removeDisks: [two?.id], deleteDiskFiles: true });
    expect(cluster.disks.files).not.toContain(two?.path);
  });

  test('a disk that was made for a change that is then refused is removed again', async () => {
    cluster.store.beforeNext = () => cluster.store.put({ [keys.vmIntent('WebServer')]: testIntent('WebServer') });
    const answer = await cluster.ask('PATCH', '/vms/WebServer', { addDisks: [{ sizeBytes: GIBIBYTE }] });
    expect(answer).toMatchObject({ status: 409, body: { code: 'VM_MIGRATING' } });
    expect(cluster.disks.files.size).toBe(0);
  });

  test.each([
    ['a CPU too many', { cpus: 65 }, 'INVALID_INPUT'],
    ['a disk that it does not have', { removeDisks: ['disk7'] }, 'INVALID_INPUT'],
    ['nothing to boot from', { removeDisks: ['disk0'] }, 'INVALID_INPUT'],
    ['a file to delete without a disk', { deleteDiskFiles: true }, 'INVALID_INPUT'],
    ['a disk that shrinks', { growDisks: [{ id: 'disk0', sizeBytes: MEBIBYTE }] }, 'INVALID_INPUT'],
    ['a switch that is not there', { addNics: [{ switch: 'nowhere' }] }, 'PLACEMENT_NOT_POSSIBLE'],
    ['more memory than its node has', { memoryBytes: 64 * GIBIBYTE }, 'NOT_ENOUGH_MEMORY'],
    ['a disk as a medium', { cdrom: '/volumes/shared/a.qcow2' }, 'INVALID_INPUT'],
    ['a medium that is not there', { cdrom: 'none.iso' }, 'IMAGE_NOT_FOUND'],
    ['a medium outside of the volumes', { cdrom: '/root/a.iso' }, 'PLACEMENT_NOT_POSSIBLE'],
    ['a ninth NIC', { addNics: Array.from({ length: 8 }, () => ({ switch: 'lan' })) }, 'INVALID_INPUT'],
  ])('refuses %s', async (_what, body, code) => {
    const definition = { ...testDefinition('WebServer'), boot: { kind: 'disk' } };
    await cluster.put({ [keys.vmRecord('WebServer')]: { ...record(), definition } });
    expect(await refused(body)).toMatchObject({ code });
  });
});

const HELD = { addDisks: [{ sizeBytes: GIBIBYTE }], removeDisks: ['disk0'], deleteDiskFiles: true };

describe('hardware of a VM that runs', () => {
  beforeEach(() => cluster.put(vmEntries('WebServer', 'running')));

  test('waits for the next start from off, and says what will be different', async () => {
    const vm = await change({ cpus: 3, memoryBytes: 512 * MEBIBYTE });
    expect(vm).toMatchObject({ cpus: 1, memoryBytes: 256 * MEBIBYTE, pending: { cpus: 3 } });
    expect(vm.pending?.changes).toEqual(['512 MiB of memory instead of 256 MiB.', '3 CPUs instead of 1.']);
    expect((await change({ addDisks: [{ sizeBytes: GIBIBYTE }] })).pending).toMatchObject({
      ...{ cpus: 3, memoryBytes: 512 * MEBIBYTE },
      disks: [{ id: 'disk0' }, { id: 'disk1' }],
    });
  });

  test('is taken by the start, with the memory that it then needs', async () => {
    await change({ memoryBytes: 512 * MEBIBYTE });
    await turnOff();
    await cluster.ask('POST', '/vms/WebServer/start');
    expect(record()).toMatchObject({ desired: 'running', definition: { memoryBytes: 512 * MEBIBYTE } });
    expect(record()?.pendingDefinition).toBeUndefined();
    expect(cluster.store.value<NodeMemory>(keys.nodeMemory('node1'))?.allocations).toEqual({
      WebServer: 512 * MEBIBYTE,
    });
  });

  test('a start for which it is too large is refused, and it still waits', async () => {
    await change({ memoryBytes: 512 * MEBIBYTE });
    await turnOff();
    await cluster.put({
      [keys.nodeMemory('node1')]: { capacityBytes: GIBIBYTE, allocations: { Other: 768 * MEBIBYTE } },
    });
    expect(await cluster.refusal('POST', '/vms/WebServer/start')).toMatchObject({ code: 'NOT_ENOUGH_MEMORY' });
    expect(record()?.pendingDefinition).toBeDefined();
  });

  test('nothing waits any more once it is asked to be as it was, or discarded', async () => {
    await change({ cpus: 3 });
    expect((await change({ cpus: 1 })).pending).toBeNull();
    await change({ cpus: 3 });
    expect((await change({ discardPending: true })).pending).toBeNull();
  });

  test('other settings leave it waiting', async () => {
    await change({ cpus: 3 });
    expect(await change({ budgetMs: 70 })).toMatchObject({ budgetMs: 70, pending: { cpus: 3 } });
  });

  test.each([
    ['the file of a disk that QEMU holds', HELD],
    ['a disk that would have to grow', { growDisks: [{ id: 'disk0', sizeBytes: 9 * GIBIBYTE }] }],
  ])('refuses %s', async (_what, body) => {
    expect(await refused(body)).toMatchObject({ code: 'VM_STATE_UNSUITABLE' });
  });

  test('is not changed while it is being migrated', async () => {
    await cluster.put({ [keys.vmIntent('WebServer')]: testIntent('WebServer') });
    expect(await refused({ cpus: 2 })).toMatchObject({ code: 'VM_MIGRATING' });
  });

  test('disks that only wait are deleted with it', async () => {
    const vm = await change({ addDisks: [{ sizeBytes: GIBIBYTE }] });
    await turnOff();
    await cluster.ask('DELETE', '/vms/WebServer?deleteDisks=true');
    expect(cluster.disks.files).not.toContain(vm.pending?.disks[1]?.path);
  });
});

test('pause, resume and reset are asked of a guest that is there', async () => {
  await cluster.put(vmEntries('WebServer', 'running'));
  expect((await cluster.ask('POST', '/vms/WebServer/pause')).status).toBe(202);
  expect(record()).toMatchObject({ desired: 'running', request: { action: 'pause' } });
  expect(await cluster.refusal('POST', '/vms/WebServer/resume')).toMatchObject({ code: 'VM_STATE_UNSUITABLE' });
  await cluster.put(vmEntries('WebServer', 'paused'));
  expect((await cluster.ask('POST', '/vms/WebServer/resume')).status).toBe(202);
  for (const action of ['pause', 'reset', 'shutdown', 'migrate']) {
    const body = action === 'migrate' ? {} : undefined;
    expect(await cluster.refusal('POST', `/vms/WebServer/${action}`, body)).toMatchObject({
      code: 'VM_STATE_UNSUITABLE',
      message: expect.stringContaining('paused') as string,
    });
  }
});
