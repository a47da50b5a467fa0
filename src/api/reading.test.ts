import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiCluster, startApiCluster } from '../../test/doubles/api-cluster.ts';
import { testHeartbeat, testIntent, testReceipt, vmEntries } from '../../test/doubles/cluster-facts.ts';
import { keys } from '../model/keys.ts';
import { GIBIBYTE, MEBIBYTE } from '../model/units.ts';

describe('what the API shows', () => {
  let cluster: ApiCluster;
  beforeEach(async () => {
    cluster = await startApiCluster();
  });
  afterEach(() => cluster.close());

  const get = async (path: string) => (await cluster.ask('GET', path)).body;

  test('health is open to all and says whether the store is heard', async () => {
    const ask = async () => await cluster.server.inject('/api/v1/health');
    expect((await ask()).json()).toEqual({ ready: true, node: 'node1', version: '0.1.0', storeFresh: true });
    cluster.store.setQuorum(false);
    expect((await ask()).statusCode).toBe(503);
    expect((await ask()).json()).toMatchObject({ ready: false, storeFresh: false });
  });

  test('the cluster at a glance', async () => {
    await cluster.put(vmEntries('WebServer', 'running'));
    expect(await get('/cluster')).toMatchObject({
      ...{ name: 'test', nodes: { total: 2, up: 2 }, witness: { name: 'witness', state: 'up' }, fresh: true },
      quorum: { held: true, healthy: 3, total: 3 },
      vms: { total: 1, byState: { running: 1 } },
      versions: { agent: ['0.1.0'], qemu: ['7.2.22'], store: ['3.5.16'] },
    });
    cluster.store.setQuorum(false);
    expect(await get('/cluster')).toMatchObject({ quorum: { held: false, healthy: 1, total: 3 }, fresh: false });
  });

  test('nodes with their VMs, memory and state', async () => {
    await cluster.put(vmEntries('WebServer', 'running'));
    cluster.clock.advance(10_000);
    await cluster.put({ [keys.nodeHeartbeat('node1')]: testHeartbeat(2) });
    expect(await get('/nodes')).toMatchObject([
      {
        name: 'node1',
        state: 'up',
        vms: ['WebServer'],
        memory: { capacityBytes: GIBIBYTE, freeBytes: 768 * MEBIBYTE },
      },
      { name: 'node2', state: 'down', vms: [] },
      { name: 'witness', role: 'witness', state: 'down', memory: { capacityBytes: 0 } },
    ]);
  });

  test('a VM whose owner is silent is shown as it was, and says so', async () => {
    await cluster.put(vmEntries('WebServer', 'running'));
    cluster.clock.advance(10_000);
    expect(await get('/vms/WebServer')).toMatchObject({
      state: 'running',
      reason: 'node1 is down; this is the last it said: as asked',
    });
  });

  test('remains of a deleted VM are no VM', async () => {
    await cluster.put({ [keys.vmStatus('Gone')]: { state: 'off' } });
    expect(await get('/vms')).toEqual([]);
    expect(await get('/vms/Gone')).toMatchObject({ code: 'VM_NOT_FOUND' });
  });

  test('a receipt comes out as it was stored', async () => {
    await cluster.put({ [keys.migration('01A')]: testReceipt('01A'), [keys.migration('01B')]: testReceipt('01B') });
    expect(await get('/migrations/01A')).toEqual({ state: 'ended', receipt: testReceipt('01A') });
    expect(await get('/migrations/last')).toEqual({ state: 'ended', receipt: testReceipt('01B') });
  });

  test('migrations are listed with the newest first, open ones with their progress', async () => {
    await cluster.put({
      ...vmEntries('WebServer', 'running'),
      [keys.vmIntent('WebServer')]: { ...testIntent('WebServer'), migrationId: '01C' },
      [keys.migration('01A')]: testReceipt('01A'),
    });
    expect(await get('/migrations')).toMatchObject([
      { state: 'open', progress: { id: '01C', phase: 'pre-migration', memoryBytes: 256 * MEBIBYTE } },
      { state: 'ended', receipt: { id: '01A' } },
    ]);
  });

  test('an unknown migration, and the last one when there was none', async () => {
    expect(await get('/migrations/01Z')).toMatchObject({ code: 'MIGRATION_NOT_FOUND' });
    expect(await get('/migrations/last')).toMatchObject({ code: 'MIGRATION_NOT_FOUND' });
  });
});
