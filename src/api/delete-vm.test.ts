import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiCluster, startApiCluster } from '../../test/doubles/api-cluster.ts';
import { testDefinition, testIntent, testMemory, vmEntries } from '../../test/doubles/cluster-facts.ts';
import { keys } from '../model/keys.ts';

describe('DELETE /vms/:name', () => {
  const [disk] = testDefinition('WebServer').disks;
  let cluster: ApiCluster;
  beforeEach(async () => {
    cluster = await startApiCluster();
    cluster.disks.files.add(disk?.path ?? '');
  });
  afterEach(() => cluster.close());

  test('takes everything the store has of the VM and leaves its disks', async () => {
    const before = cluster.store.contents();
    await cluster.put({ ...vmEntries('WebServer', 'off'), [keys.guestAddress('10.78.0.100')]: 'WebServer' });
    expect(await cluster.ask('DELETE', '/vms/WebServer')).toEqual({
      status: 200,
      body: { name: 'WebServer', disks: [{ path: disk?.path, deleted: false, reason: null }] },
    });
    expect(cluster.store.contents()).toEqual(before);
    expect(cluster.disks.files.size).toBe(1);
    expect((await cluster.ask('GET', '/vms/WebServer')).body).toMatchObject({ code: 'VM_NOT_FOUND' });
  });

  test('removes the disks when asked to', async () => {
    await cluster.put(vmEntries('WebServer', 'failed'));
    const { body } = await cluster.ask('DELETE', '/vms/WebServer?deleteDisks=true');
    expect(body).toEqual({ name: 'WebServer', disks: [{ path: disk?.path, deleted: true, reason: null }] });
    expect(cluster.disks.files.size).toBe(0);
  });

  test('frees memory that any node still holds for the VM', async () => {
    await cluster.put({
      ...vmEntries('WebServer', 'off'),
      [keys.nodeMemory('node2')]: testMemory({ WebServer: 1, Other: 2 }),
    });
    await cluster.ask('DELETE', '/vms/WebServer');
    expect(cluster.store.value(keys.nodeMemory('node2'))).toEqual(testMemory({ Other: 2 }));
  });

  test.each(['running', 'starting', 'paused'] as const)('refuses a VM that is %s', async (state) => {
    await cluster.put(vmEntries('WebServer', state));
    expect(await cluster.refusal('DELETE', '/vms/WebServer?deleteDisks=true')).toMatchObject({
      code: 'VM_STATE_UNSUITABLE',
    });
  });

  test('refuses an unknown VM, one that migrates, one that is being started', async () => {
    expect(await cluster.refusal('DELETE', '/vms/Nobody')).toMatchObject({ code: 'VM_NOT_FOUND' });
    await cluster.put({ ...vmEntries('Mover', 'running'), [keys.vmIntent('Mover')]: testIntent('Mover') });
    expect(await cluster.refusal('DELETE', '/vms/Mover')).toMatchObject({ code: 'VM_MIGRATING' });
    await cluster.put(vmEntries('WebServer', 'off'));
    await cluster.ask('POST', '/vms/WebServer/start');
    expect(await cluster.refusal('DELETE', '/vms/WebServer')).toMatchObject({ code: 'VM_STATE_UNSUITABLE' });
  });

  test('notices that its lost change was applied', async () => {
    await cluster.put(vmEntries('WebServer', 'off'));
    cluster.store.mishaps.push('unknown-applied');
    expect((await cluster.ask('DELETE', '/vms/WebServer')).status).toBe(200);
  });
});
