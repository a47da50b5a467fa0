import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiCluster, startApiCluster } from '../../test/doubles/api-cluster.ts';
import { testIntent, vmEntries } from '../../test/doubles/cluster-facts.ts';
import { keys } from '../model/keys.ts';
import { MEBIBYTE } from '../model/units.ts';
import type { VmRecord } from '../model/vm.ts';

let cluster: ApiCluster;
beforeEach(async () => {
  cluster = await startApiCluster();
  await cluster.put(vmEntries('WebServer', 'running'));
});
afterEach(() => cluster.close());

const record = () => cluster.store.value<VmRecord>(keys.vmRecord('WebServer'));
const change = (body: object) => cluster.ask('PATCH', '/vms/WebServer', body);
const refused = (body: object) => cluster.refusal('PATCH', '/vms/WebServer', body);

describe('PATCH /vms/:name', () => {
  test('changes what is given and leaves the rest, also of a VM stored before there was a choice', async () => {
    const before = record();
    expect(await change({ priority: 'high', preferredOwners: ['node2', 'node2'] })).toMatchObject({
      status: 200,
      body: { availability: { priority: 'high', preferredOwners: ['node2'], restart: { here: 1, elsewhere: 1 } } },
    });
    await change({ restart: { elsewhere: 3 }, failback: { enabled: true, window: { fromHour: 22, toHour: 6 } } });
    expect(record()).toMatchObject({
      ...before,
      availability: {
        ...{ priority: 'high', preferredOwners: ['node2'], restart: { here: 1, elsewhere: 3 } },
        failback: { enabled: true, window: { fromHour: 22, toHour: 6 } },
      },
    });
    await change({ failback: { window: null } });
    expect(record()?.availability?.failback).toEqual({ enabled: true, window: null });
  });

  test('an empty list takes a restriction away', async () => {
    await change({ possibleOwners: ['node1'], antiAffinity: ['web'] });
    await change({ possibleOwners: [], antiAffinity: [] });
    expect(record()?.availability).toMatchObject({ possibleOwners: [], antiAffinity: [] });
  });

  test.each([
    [{ preferredOwners: ['node9'] }, 'node9'],
    [{ possibleOwners: ['witness'] }, 'witness'],
    [{ preferredOwners: ['node1'], possibleOwners: ['node2'] }, 'no possible one'],
    [{ failback: { window: { fromHour: 6, toHour: 6 } } }, 'empty'],
    [{ failback: { window: { fromHour: 6, toHour: 25 } } }, 'toHour'],
    [{ restart: { here: 11 } }, 'here'],
    [{ antiAffinity: ['not a group'] }, 'not a group'],
    [{ priority: 'urgent' }, 'priority'],
    [{ budgetMs: 0 }, 'budget'],
    [{ budgetMaxMs: 60_001 }, '60001'],
    [{ budgetMaxMs: 0 }, 'budget'],
    [{ memoryBytes: 1 }, '1 B'],
    [{ memory: 1 }, 'memory'],
  ])('refuses %j', async (body, words) => {
    expect(await refused(body)).toMatchObject({ code: 'INVALID_INPUT', message: expect.stringContaining(words) });
  });

  test('allows to widen the budget, shows it, and takes the permission away again', async () => {
    expect((await cluster.ask('GET', '/vms/WebServer')).body).toMatchObject({ budgetMs: 50, budgetMaxMs: null });
    expect((await change({ budgetMaxMs: 200 })).body).toMatchObject({ budgetMs: 50, budgetMaxMs: 200 });
    // What is not about the budget leaves it.
    await change({ priority: 'high', memoryBytes: 512 * MEBIBYTE });
    expect(record()).toMatchObject({ budgetMs: 50, budgetMaxMs: 200 });
    expect((await change({ budgetMs: 300, budgetMaxMs: 400 })).body).toMatchObject({ budgetMs: 300, budgetMaxMs: 400 });
    expect((await change({ budgetMs: 500, budgetMaxMs: null })).body).toMatchObject({
      ...{ budgetMs: 500, budgetMaxMs: null },
    });
    expect(record()).not.toHaveProperty('budgetMaxMs');
  });

  test.each([{ budgetMs: 201 }, { budgetMaxMs: 49 }, { budgetMs: 300, budgetMaxMs: 299 }])(
    'refuses %j where it does not fit what the VM has, with both figures and the next step',
    async (body) => {
      await change({ budgetMaxMs: 200 });
      const { budgetMs = 50, budgetMaxMs = 200 } = body as { budgetMs?: number; budgetMaxMs?: number };
      expect(await refused(body)).toMatchObject({
        code: 'INVALID_INPUT',
        message: expect.stringMatching(new RegExp(`${budgetMs} ms.* ${budgetMaxMs} ms`)),
        state: 'Nothing was changed.',
        nextStep: expect.stringMatching(new RegExp(`${budgetMs} ms.* ${budgetMaxMs} ms`)),
      });
      expect(record()).toMatchObject({ budgetMs: 50, budgetMaxMs: 200 });
    },
  );

  test('judges a budget by the maximum that somebody else sets at the same time', async () => {
    cluster.store.beforeNext = () =>
      cluster.store.put({ [keys.vmRecord('WebServer')]: { ...record(), budgetMaxMs: 60 } });
    expect(await change({ budgetMs: 70 })).toMatchObject({ status: 400, body: { code: 'INVALID_INPUT' } });
    expect(record()).toMatchObject({ budgetMs: 50, budgetMaxMs: 60 });
  });

  test('keeps a change that somebody else makes at the same time', async () => {
    cluster.store.beforeNext = () => cluster.store.put({ [keys.vmRecord('WebServer')]: { ...record(), budgetMs: 99 } });
    await change({ automaticStart: false });
    expect(record()).toMatchObject({ budgetMs: 99, automaticStart: false });
  });

  test('high availability is not changed in the middle of a migration; the rest is', async () => {
    await cluster.put({ [keys.vmIntent('WebServer')]: testIntent('WebServer') });
    expect(await refused({ highlyAvailable: false })).toMatchObject({ code: 'VM_MIGRATING' });
    expect((await change({ highlyAvailable: true, priority: 'low' })).status).toBe(200);
  });
});

describe('GET /vms/:name/explanation', () => {
  const why = async () => (await cluster.ask('GET', '/vms/WebServer/explanation')).body as { why: string[] };

  test('says of a VM on a silent node that it waits, for what, and what is in its way', async () => {
    cluster.clock.advance(10_000);
    expect(await why()).toMatchObject({
      why: [expect.stringMatching(/node1, is down.*confirm-dead/), 'The last that node1 said: as asked.'],
      obstacles: [expect.stringContaining('node2')],
    });
  });

  test('says that a VM that is not highly available waits for its node', async () => {
    await change({ highlyAvailable: false });
    cluster.clock.advance(10_000);
    expect((await why()).why[0]).toContain('not highly available');
  });

  test('says of a VM that is off that nobody has asked for it', async () => {
    await cluster.put(vmEntries('WebServer', 'off'));
    expect((await why()).why).toContain('Nobody has asked for it to run.');
  });
});
