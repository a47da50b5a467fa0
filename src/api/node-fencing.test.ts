import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiCluster, startApiCluster } from '../../test/doubles/api-cluster.ts';
import { keys } from '../model/keys.ts';

let cluster: ApiCluster;
beforeEach(async () => {
  cluster = await startApiCluster();
});
afterEach(() => cluster.close());

const DEVICE = { agent: 'fence_ipmilan', options: { ip: '10.77.0.201', username: 'admin', password: 'hunter2' } };

describe('power fencing of a node', () => {
  test('is kept in the store and shown without its password', async () => {
    const { status, body } = await cluster.ask('PUT', '/nodes/node2/fencing', DEVICE);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      powerFencing: { agent: 'fence_ipmilan', options: { ip: '10.77.0.201', password: '***' } },
    });
    expect(JSON.stringify([body, (await cluster.ask('GET', '/cluster')).body])).not.toContain('hunter2');
    expect(cluster.store.value(keys.nodeFencing('node2'))).toEqual(DEVICE);
  });

  test('is tested by asking, and removed', async () => {
    expect(await cluster.refusal('POST', '/nodes/node2/fencing/test')).toMatchObject({
      code: 'FENCING_NOT_CONFIGURED',
    });
    await cluster.ask('PUT', '/nodes/node2/fencing', DEVICE);
    expect(await cluster.ask('POST', '/nodes/node2/fencing/test')).toMatchObject({
      body: { state: 'on', askedBy: 'node1' },
    });
    expect(await cluster.ask('DELETE', '/nodes/node2/fencing')).toMatchObject({ body: { powerFencing: null } });
    expect(await cluster.refusal('DELETE', '/nodes/node2/fencing')).toMatchObject({ code: 'FENCING_NOT_CONFIGURED' });
  });

  test.each([
    [{ ...DEVICE, agent: '/bin/sh' }],
    [{ ...DEVICE, agent: 'ipmilan' }],
    [{ agent: 'fence_ipmilan', options: { action: 'reboot' } }],
    [{ agent: 'fence_ipmilan', options: { method: 'cycle' } }],
    [{ agent: 'fence_ipmilan', options: { ip: '10.0.0.1\naction=reboot' } }],
    [{ agent: 'fence_ipmilan', options: { debug_file: '/tmp/x' } }],
  ])('refuses %j', async (body) => {
    expect(await cluster.refusal('PUT', '/nodes/node2/fencing', body)).toMatchObject({ code: 'INVALID_INPUT' });
  });
});
