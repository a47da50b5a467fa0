import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiCluster, startApiCluster } from '../../test/doubles/api-cluster.ts';
import {
  testHeartbeat,
  testDefinition,
  testFacts,
  testIntent,
  testMemory,
  testReceipt,
  vmEntries,
} from '../../test/doubles/cluster-facts.ts';
import type { MigrationDryRun, MigrationStarted } from '../contract/migrations.ts';
import { definitionHash } from '../model/definition-hash.ts';
import type { MigrationIntent } from '../model/intent.ts';
import { keys } from '../model/keys.ts';
import { GIBIBYTE, MEBIBYTE } from '../model/units.ts';
import type { VmActivity } from '../model/vm.ts';

describe('POST /vms/:name/migrate', () => {
  let cluster: ApiCluster;
  beforeEach(async () => {
    cluster = await startApiCluster();
    await cluster.put(vmEntries('WebServer', 'running'));
  });
  afterEach(() => cluster.close());

  const intent = () => cluster.store.value<MigrationIntent>(keys.vmIntent('WebServer'));

  test('writes the intent and the memory on the destination in one transaction', async () => {
    const owner = await cluster.store.get(keys.vmOwner('WebServer'));
    const { status, body } = await cluster.ask('POST', '/vms/WebServer/migrate', { to: 'node2' });
    expect(status).toBe(202);
    const { migrationId } = body as MigrationStarted;
    expect(body).toMatchObject({
      vm: 'WebServer',
      source: 'node1',
      destination: 'node2',
      mode: 'live',
      budgetMs: 50,
      encrypted: true,
    });
    expect(intent()).toMatchObject({
      ...{ migrationId, source: 'node1', destination: 'node2', epoch: owner?.modRevision },
      ...{ definitionHash: definitionHash(testDefinition('WebServer')), bandwidthBytesPerSecond: null },
    });
    expect(cluster.store.value(keys.nodeMemory('node2'))).toEqual(testMemory({ WebServer: 256 * MEBIBYTE }));
    expect(cluster.store.tried).toHaveLength(1);
    expect((await cluster.ask('GET', '/vms/WebServer')).body).toMatchObject({
      state: 'migrating',
      migration: { id: migrationId, phase: 'pre-migration' },
    });
    expect((await cluster.ask('GET', '/migrations/last')).body).toMatchObject({
      state: 'open',
      progress: { id: migrationId, vm: 'WebServer', phase: 'pre-migration' },
    });
  });

  test('moves a VM off a paused node, but not to one', async () => {
    const paused = { mode: 'paused', since: '2026-01-01T00:00:00.000Z', by: 'admin', drain: null };
    await cluster.put({ [keys.nodeService('node1')]: paused });
    expect((await cluster.ask('POST', '/vms/WebServer/migrate', { to: 'node2' })).status).toBe(202);
    await cluster.put({ ...vmEntries('Other', 'running'), [keys.vmOwner('Other')]: { node: 'node2' } });
    expect(await cluster.refusal('POST', '/vms/Other/migrate', { to: 'node1' })).toMatchObject({
      message: expect.stringContaining('paused'),
    });
  });

  test('takes budget, bandwidth and encryption from the request', async () => {
    const body = { to: 'node2', budgetMs: 20, bandwidthBytesPerSecond: 1e7, encrypted: false };
    await cluster.ask('POST', '/vms/WebServer/migrate', body);
    expect(intent()).toMatchObject({ budgetMs: 20, bandwidthBytesPerSecond: 1e7, encrypted: false });
    expect(intent()?.budgetMaxMs).toBe(20);
  });

  const limitNodes = (node1: number | null, node2: number | null) => {
    const limited = (name: string, bandwidthBytesPerSecond: number | null) => {
      const facts = testFacts(name);
      return { ...facts, migration: { ...facts.migration, bandwidthBytesPerSecond } };
    };
    return cluster.put({
      [keys.nodeFacts('node1')]: limited('node1', node1),
      [keys.nodeFacts('node2')]: limited('node2', node2),
    });
  };

  test.each([
    { asked: undefined, source: 5e7, destination: null, limit: 5e7 },
    { asked: undefined, source: 5e7, destination: 2e7, limit: 2e7 },
    { asked: 1e7, source: 5e7, destination: 2e7, limit: 1e7 },
    { asked: 1e8, source: 5e7, destination: null, limit: 5e7 },
    { asked: 1e8, source: null, destination: 2e7, limit: 2e7 },
    { asked: null, source: 5e7, destination: null, limit: 5e7 },
    { asked: null, source: null, destination: null, limit: null },
  ])(
    'asked for $asked, source allows $source, destination $destination: $limit holds',
    async ({ asked, source, destination, limit }) => {
      await limitNodes(source, destination);
      const body = { to: 'node2', ...(asked !== undefined && { bandwidthBytesPerSecond: asked }) };
      expect((await cluster.ask('POST', '/vms/WebServer/migrate', body)).body).toMatchObject({
        bandwidthBytesPerSecond: limit,
      });
      expect(intent()).toMatchObject({ bandwidthBytesPerSecond: limit, source: 'node1', destination: 'node2' });
    },
  );

  test('the forecast of a dry run rests on the limits of the nodes, too', async () => {
    await limitNodes(null, 10 * MEBIBYTE);
    const activity: VmActivity = {
      ...{ usedBytes: 100 * MEBIBYTE, compressedRatio: 0.9, dirtyBytesPerSecond: 0 },
      sampledAt: '2026-01-01T00:00:00.000Z',
    };
    await cluster.put({ [keys.vmActivity('WebServer')]: activity });
    const wish = { dryRun: true, bandwidthBytesPerSecond: 50 * MEBIBYTE };
    const { forecast } = (await cluster.ask('POST', '/vms/WebServer/migrate', wish)).body as MigrationDryRun;
    expect(forecast.reason).toContain('transfer limited to 10 MiB/s');
    expect(forecast.totalMs).toBeGreaterThan(10_000);
  });

  test('takes from the request how far the budget may be widened', async () => {
    const { body } = await cluster.ask('POST', '/vms/WebServer/migrate', { to: 'node2', budgetMaxMs: 200 });
    expect(body).toMatchObject({ budgetMs: 50, budgetMaxMs: 200 });
    expect(intent()).toMatchObject({ budgetMs: 50, budgetMaxMs: 200 });
  });

  test('widens the budget as far as the VM allows it, never below the budget of the request', async () => {
    const allow = (budgetMaxMs: number | null) => cluster.ask('PATCH', '/vms/WebServer', { budgetMaxMs });
    const planned = async (body: object) =>
      (await cluster.ask('POST', '/vms/WebServer/migrate', { dryRun: true, ...body })).body;
    await allow(200);
    expect(await planned({})).toMatchObject({ budgetMs: 50, budgetMaxMs: 200 });
    expect(await planned({ budgetMs: 20 })).toMatchObject({ budgetMs: 20, budgetMaxMs: 200 });
    expect(await planned({ budgetMs: 300 })).toMatchObject({ budgetMs: 300, budgetMaxMs: 300 });
    expect(await planned({ budgetMaxMs: 60 })).toMatchObject({ budgetMs: 50, budgetMaxMs: 60 });
    const { body } = await cluster.ask('POST', '/vms/WebServer/migrate', { to: 'node2' });
    expect(body).toMatchObject({ budgetMs: 50, budgetMaxMs: 200 });
    expect(intent()).toMatchObject({ budgetMs: 50, budgetMaxMs: 200 });
  });

  test('forecasts that a guest converges where the VM allows to widen its budget by enough', async () => {
    const activity: VmActivity = {
      ...{ usedBytes: 200 * MEBIBYTE, compressedRatio: 0.9, dirtyBytesPerSecond: 300 * MEBIBYTE },
      sampledAt: '2026-01-01T00:00:00.000Z',
    };
    await cluster.put({ [keys.vmActivity('WebServer')]: activity });
    const converges = async () =>
      ((await cluster.ask('POST', '/vms/WebServer/migrate', { dryRun: true })).body as MigrationDryRun).forecast
        .converges;
    expect(await converges()).toBe(false);
    await cluster.ask('PATCH', '/vms/WebServer', { budgetMaxMs: 60_000 });
    expect(await converges()).toBe(true);
  });

  test('chooses a destination if none is named, and says why', async () => {
    const { body } = await cluster.ask('POST', '/vms/WebServer/migrate', {});
    expect(body).toMatchObject({
      destination: 'node2',
      destinationReason: expect.stringContaining('most free memory') as string,
    });
  });

  const migrate = (body: object = { to: 'node2' }, vm = 'WebServer') =>
    cluster.refusal('POST', `/vms/${vm}/migrate`, body);

  test('refuses an unknown VM and an unknown node', async () => {
    expect(await migrate({ to: 'node2' }, 'Nobody')).toMatchObject({ code: 'VM_NOT_FOUND' });
    expect(await migrate({ to: 'node9' })).toMatchObject({ code: 'NODE_NOT_FOUND' });
  });

  test('refuses the owner and a witness as the destination', async () => {
    expect(await migrate({ to: 'node1' })).toMatchObject({
      code: 'MIGRATION_NOT_POSSIBLE',
      message: 'WebServer is already on node1.',
      details: { reasons: ['WebServer is already on node1.'] },
    });
    expect(await migrate({ to: 'witness' })).toMatchObject({ code: 'MIGRATION_NOT_POSSIBLE' });
  });

  test('refuses a VM that is off', async () => {
    await cluster.put(vmEntries('Idle', 'off'));
    expect(await migrate({ to: 'node2' }, 'Idle')).toMatchObject({ code: 'VM_STATE_UNSUITABLE' });
    expect(await migrate({}, 'Idle')).toMatchObject({ code: 'VM_STATE_UNSUITABLE' });
  });

  test('refuses a VM that was asked to shut down', async () => {
    await cluster.ask('POST', '/vms/WebServer/shutdown');
    expect(await migrate()).toMatchObject({ code: 'VM_STATE_UNSUITABLE' });
  });

  test('refuses a second migration, whatever its destination', async () => {
    await cluster.ask('POST', '/vms/WebServer/migrate', { to: 'node2' });
    expect(await migrate({ to: 'node2' })).toMatchObject({ code: 'VM_MIGRATING' });
    expect(await migrate({})).toMatchObject({ code: 'VM_MIGRATING' });
  });

  test('refuses a destination without memory, with the figures', async () => {
    await cluster.put({ [keys.nodeMemory('node2')]: testMemory({ Other: GIBIBYTE }) });
    for (const body of [{ to: 'node2' }, {}]) {
      expect(await migrate(body)).toMatchObject({
        code: 'NOT_ENOUGH_MEMORY',
        message: 'node2 has 0 B of 1 GiB free for VMs, WebServer needs 256 MiB.',
      });
    }
  });

  test('refuses a destination whose heartbeat is silent', async () => {
    cluster.clock.advance(10_000);
    await cluster.put({ [keys.nodeHeartbeat('node1')]: testHeartbeat(2) });
    expect(await migrate()).toMatchObject({ code: 'NODE_UNREACHABLE', state: 'Nothing was changed.' });
  });

  test('names all reasons when there are several', async () => {
    await cluster.put({
      [keys.nodeFacts('node2')]: { ...testFacts('node2'), switches: [] },
      [keys.nodeMemory('node2')]: testMemory({ Other: GIBIBYTE }),
      ...vmEntries('Idle', 'off'),
    });
    const { code, details } = await migrate({ to: 'node2' }, 'Idle');
    expect(code).toBe('MIGRATION_NOT_POSSIBLE');
    expect(details?.['reasons']).toHaveLength(3);
  });

  test.each([
    [{ mode: 'quick' }, 'MODE_NOT_SUPPORTED'],
    [{ mode: 'offline' }, 'MODE_NOT_SUPPORTED'],
    [{ mode: 'sideways' }, 'INVALID_INPUT'],
    [{ budgetMs: 0 }, 'INVALID_INPUT'],
    [{ budgetMs: -1 }, 'INVALID_INPUT'],
    [{ budgetMaxMs: 0 }, 'INVALID_INPUT'],
    [{ budgetMaxMs: 49 }, 'INVALID_INPUT'],
    [{ budgetMs: 100, budgetMaxMs: 99 }, 'INVALID_INPUT'],
    [{ bandwidthBytesPerSecond: 0 }, 'INVALID_INPUT'],
    [{ target: 'node2' }, 'INVALID_INPUT'],
  ])('refuses %j with %s', async (body, code) => {
    expect(await migrate(body)).toMatchObject({ code });
  });

  test('refuses without quorum', async () => {
    cluster.store.setQuorum(false);
    expect(await migrate()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  test('two migrations cannot take the same memory', async () => {
    await cluster.put({
      ...vmEntries('Other', 'running'),
      [keys.nodeMemory('node2')]: testMemory({ Third: GIBIBYTE - 300 * MEBIBYTE }),
    });
    const answers = await Promise.all([
      cluster.ask('POST', '/vms/WebServer/migrate', { to: 'node2' }),
      cluster.ask('POST', '/vms/Other/migrate', { to: 'node2' }),
    ]);
    expect(answers.map((answer) => answer.status)).toEqual(expect.arrayContaining([202, 409]));
    expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({ code: 'NOT_ENOUGH_MEMORY' });
  });

  test('gives up when somebody else is always faster', async () => {
    const meddle = () => {
      cluster.store.put(vmEntries('WebServer', 'running'));
      cluster.store.beforeNext = meddle;
    };
    cluster.store.beforeNext = meddle;
    const { body } = await cluster.ask('POST', '/vms/WebServer/migrate', { to: 'node2' });
    expect(body).toMatchObject({ code: 'CONCURRENT_CHANGE' });
    expect(intent()).toBeUndefined();
  });

  test.each(['unknown-applied', 'unknown-lost'] as const)(
    'starts exactly one migration when the answer is lost (%s)',
    async (mishap) => {
      cluster.store.mishaps.push(mishap);
      const { status, body } = await cluster.ask('POST', '/vms/WebServer/migrate', { to: 'node2' });
      expect(status).toBe(202);
      expect(intent()?.migrationId).toBe((body as MigrationStarted).migrationId);
    },
  );

  test('says that the outcome is unknown when it is', async () => {
    cluster.store.mishaps.push('unknown-lost', 'unknown-lost');
    const { status, body } = await cluster.ask('POST', '/vms/WebServer/migrate', { to: 'node2' });
    expect(status).toBe(503);
    expect(body).toMatchObject({
      code: 'STORE_OUTCOME_UNKNOWN',
      state: 'The change may or may not have been applied.',
    });
  });

  test('a dry run writes nothing and says what would happen', async () => {
    const { status, body } = await cluster.ask('POST', '/vms/WebServer/migrate', {
      dryRun: true,
      bandwidthBytesPerSecond: 256 * MEBIBYTE,
    });
    expect(status).toBe(200);
    expect(body).toEqual({
      ...{ dryRun: true, possible: true, reasons: [], vm: 'WebServer', source: 'node1', destination: 'node2' },
      candidates: [{ node: 'node2', possible: true, reasons: [], freeMemoryBytes: GIBIBYTE }],
      ...{ budgetMs: 50, budgetMaxMs: 50, compression: 'none' },
      compressionReason: "the guest's memory has not been sampled yet",
      forecast: {
        ...{ totalMs: null, blackoutMs: null, converges: null },
        reason: "the guest's memory has not been sampled yet, and no migration of this VM is known",
      },
    });
    expect(cluster.store.tried).toEqual([]);
  });

  test('forecasts from what the guest does with its memory and from earlier migrations', async () => {
    const activity: VmActivity = {
      ...{ usedBytes: 100 * MEBIBYTE, compressedRatio: 0.9, dirtyBytesPerSecond: MEBIBYTE },
      sampledAt: '2026-01-01T00:00:00.000Z',
    };
    await cluster.put({
      [keys.vmActivity('WebServer')]: activity,
      [keys.migration('01A')]: testReceipt('01A'),
    });
    const { body } = await cluster.ask('POST', '/vms/WebServer/migrate', { dryRun: true });
    const { forecast } = body as MigrationDryRun;
    expect(forecast.converges).toBe(true);
    // The receipt has 40 MB/s and 500 ms outside the rounds.
    expect(forecast.totalMs).toBeGreaterThan(3000);
    expect(forecast.totalMs).toBeLessThan(4000);
    expect(forecast.reason).toContain('38 MiB/s on this link in 1 migration');
    await cluster.ask('POST', '/vms/WebServer/migrate', { to: 'node2' });
    expect(intent()?.forecast).toMatchObject({ totalMs: forecast.totalMs, converges: true });
  });

  test('compresses much memory that shrinks well', async () => {
    const activity: VmActivity = {
      ...{ usedBytes: 2 * GIBIBYTE, compressedRatio: 0.3, dirtyBytesPerSecond: 0 },
      sampledAt: '2026-01-01T00:00:00.000Z',
    };
    await cluster.put({ [keys.vmActivity('WebServer')]: activity });
    const { body } = await cluster.ask('POST', '/vms/WebServer/migrate', { to: 'node2', budgetMs: 500 });
    expect(body).toMatchObject({ compression: 'multifd-zstd' });
    expect(intent()).toMatchObject({ compression: 'multifd-zstd' });
  });

  test('a dry run of what is not possible answers with the reasons', async () => {
    const { status, body } = await cluster.ask('POST', '/vms/WebServer/migrate', { dryRun: true, to: 'node1' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ possible: false, reasons: ['WebServer is already on node1.'] });
  });
});

describe('POST /vms/:name/cancel', () => {
  let cluster: ApiCluster;
  beforeEach(async () => {
    cluster = await startApiCluster();
    await cluster.put(vmEntries('WebServer', 'running'));
  });
  afterEach(() => cluster.close());

  test('asks the source of the open migration to cancel it', async () => {
    await cluster.put({ [keys.vmIntent('WebServer')]: testIntent('WebServer') });
    const { status, body } = await cluster.ask('POST', '/vms/WebServer/cancel');
    expect(status).toBe(202);
    expect(body).toEqual({ migrationId: testIntent('WebServer').migrationId });
    expect(cluster.store.value(keys.vmCancel('WebServer'))).toMatchObject(body as object);
  });

  test('refuses when there is nothing to cancel', async () => {
    expect(await cluster.refusal('POST', '/vms/WebServer/cancel')).toMatchObject({ code: 'NO_MIGRATION_RUNNING' });
    expect(await cluster.refusal('POST', '/vms/Nobody/cancel')).toMatchObject({ code: 'VM_NOT_FOUND' });
  });
});
