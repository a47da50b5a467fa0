import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiCluster, startApiCluster } from '../../test/doubles/api-cluster.ts';
import { testFacts, testHeartbeat, testIntent, testMemory, vmEntries } from '../../test/doubles/cluster-facts.ts';
import type { NodeFailures, NodeService } from '../model/authority.ts';
import { keys } from '../model/keys.ts';
import { GIBIBYTE } from '../model/units.ts';

let cluster: ApiCluster;
beforeEach(async () => {
  cluster = await startApiCluster();
});
afterEach(() => cluster.close());

const service = (node: string) => cluster.store.value<NodeService>(keys.nodeService(node));
const post = (path: string, body?: object) => cluster.ask('POST', path, body);

describe('pause and resume', () => {
  test('are kept in the store with who asked, shown, and said once', async () => {
    expect(await post('/nodes/node2/pause')).toMatchObject({ status: 200, body: { name: 'node2', state: 'paused' } });
    expect(service('node2')).toMatchObject({ mode: 'paused', by: 'admin', drain: null });
    expect((await post('/nodes/node2/pause')).status).toBe(200);
    expect(cluster.said.map(({ kind }) => kind)).toEqual(['node-paused']);
    expect(await post('/nodes/node2/resume', {})).toMatchObject({ body: { state: 'up' } });
    expect(service('node2')).toMatchObject({ mode: 'active', drain: null });
    expect(cluster.said.map(({ kind }) => kind)).toEqual(['node-paused', 'node-resumed']);
  });

  test('are refused for the witness and for a node that does not exist', async () => {
    expect(await cluster.refusal('POST', '/nodes/witness/pause')).toMatchObject({ code: 'NODE_STATE_UNSUITABLE' });
    expect(await cluster.refusal('POST', '/nodes/node9/pause')).toMatchObject({ code: 'NODE_NOT_FOUND' });
  });

  test('a node that is down can be paused: it gets no VM when it comes back', async () => {
    cluster.clock.advance(10_000);
    expect((await post('/nodes/node2/pause')).status).toBe(200);
    expect(service('node2')?.mode).toBe('paused');
  });
});

describe('resume of a node that is quarantined', () => {
  const at = [1, 2, 3].map((minute) => `2026-01-01T00:0${minute}:00.000Z`);
  const failures = () => cluster.store.value<NodeFailures>(keys.nodeFailures('node2'));
  const quarantined = () => {
    const quarantinedUntil = new Date(cluster.clock.wallMs() + 3_600_000).toISOString();
    return cluster.put({ [keys.nodeFailures('node2')]: { at, quarantinedUntil } });
  };

  test('ends that, says so once, and forgets no failure', async () => {
    await quarantined();
    const until = failures()?.quarantinedUntil;
    expect(await cluster.ask('GET', '/nodes/node2')).toMatchObject({ body: { state: 'quarantined' } });
    expect(await post('/nodes/node2/resume', {})).toMatchObject({ body: { state: 'up', quarantinedUntil: null } });
    expect((await post('/nodes/node2/resume', {})).status).toBe(200);
    expect(failures()).toEqual({ at, quarantinedUntil: null });
    expect(cluster.said.map(({ kind, text }) => [kind, text])).toEqual([
      ['node-resumed', `node2 takes VMs again: its quarantine until ${until} is ended.`],
    ]);
  });

  test('also if it is paused as well, and leaves alone a failure that is recorded meanwhile', async () => {
    await post('/nodes/node2/pause');
    await quarantined();
    const later = { at: [...at, '2026-01-01T00:04:00.000Z'], quarantinedUntil: failures()?.quarantinedUntil ?? null };
    cluster.store.beforeNext = () => cluster.store.put({ [keys.nodeFailures('node2')]: later });
    expect(await post('/nodes/node2/resume', {})).toMatchObject({ body: { state: 'up' } });
    expect(service('node2')?.mode).toBe('active');
    expect(failures()).toEqual({ ...later, quarantinedUntil: null });
  });

  test('does nothing once it is over', async () => {
    await cluster.put({ [keys.nodeFailures('node2')]: { at, quarantinedUntil: '2025-01-01T00:00:00.000Z' } });
    const before = failures();
    expect(await post('/nodes/node2/resume', {})).toMatchObject({ body: { state: 'up', quarantinedUntil: null } });
    expect([failures(), cluster.said]).toEqual([before, []]);
  });
});

describe('drain', () => {
  beforeEach(() => cluster.put({ ...vmEntries('WebServer', 'running'), ...vmEntries('Off', 'off') }));

  test('is previewed with order, place and estimate, and changes nothing', async () => {
    const before = JSON.stringify(cluster.store.contents());
    expect(await cluster.ask('GET', '/nodes/node1/drain')).toMatchObject({
      status: 200,
      body: {
        node: 'node1',
        moves: expect.arrayContaining([
          expect.objectContaining({ vm: 'WebServer', how: 'live', to: 'node2' }),
          expect.objectContaining({ vm: 'Off', how: 'owner', to: 'node2' }),
        ]),
        blockers: [],
      },
    });
    expect(JSON.stringify(cluster.store.contents())).toBe(before);
  });

  test('names in its preview every reason why a VM cannot leave', async () => {
    await cluster.put({ [keys.nodeMemory('node2')]: testMemory({ Other: GIBIBYTE }) });
    const { body } = await cluster.ask('GET', '/nodes/node1/drain');
    expect(body).toMatchObject({
      blockers: [{ vm: 'WebServer', reasons: [expect.stringContaining('node2 has 0 B of 1 GiB free')] }],
    });
  });

  test('notes which VMs were there, and answers how far it is', async () => {
    expect(await post('/nodes/node1/drain')).toMatchObject({
      status: 202,
      body: { state: 'draining', service: { drain: { state: 'moving', text: expect.stringContaining('2 VMs') } } },
    });
    expect(service('node1')).toMatchObject({ mode: 'draining', drain: { vms: ['Off', 'WebServer'], failures: {} } });
  });

  test('asked for twice is one drain: whoever waits again waits for the same', async () => {
    await post('/nodes/node1/drain');
    const first = service('node1');
    expect((await post('/nodes/node1/drain')).status).toBe(202);
    expect(service('node1')).toEqual(first);
  });

  test('of a node that is down is refused, and says what happens with its VMs', async () => {
    cluster.clock.advance(10_000);
    await cluster.put({ [keys.nodeHeartbeat('node2')]: testHeartbeat(2) });
    expect(await cluster.refusal('POST', '/nodes/node1/drain')).toMatchObject({
      code: 'NODE_STATE_UNSUITABLE',
      nextStep: expect.stringContaining('brought back elsewhere'),
    });
  });

  test('can be cancelled: the node stays paused and knows what to bring back', async () => {
    await post('/nodes/node1/drain');
    expect(await post('/nodes/node1/cancel-drain')).toMatchObject({ body: { state: 'paused' } });
    expect(service('node1')).toMatchObject({ mode: 'paused', drain: { vms: ['Off', 'WebServer'] } });
    expect(await cluster.refusal('POST', '/nodes/node1/cancel-drain')).toMatchObject({ code: 'NODE_STATE_UNSUITABLE' });
  });

  test('says once it is cancelled what stays', async () => {
    await post('/nodes/node1/drain');
    await post('/nodes/node1/cancel-drain');
    expect(cluster.said.at(-1)).toMatchObject({
      ...{ kind: 'drain-cancelled', node: 'node1', critical: false },
      text: 'The drain of node1 was cancelled: it is paused, with 2 VMs on it.',
    });
  });

  test('names those that may still leave, since their migration is open', async () => {
    await cluster.put({
      ...vmEntries('Db', 'running'),
      ...vmEntries('Stays', 'off'),
      ...vmEntries('Elsewhere', 'off'),
    });
    await post('/nodes/node1/drain');
    await cluster.put({
      ...{ [keys.vmIntent('WebServer')]: testIntent('WebServer'), [keys.vmIntent('Db')]: testIntent('Db') },
      // On its way as well, but not from here.
      ...{ [keys.vmOwner('Elsewhere')]: { node: 'node2' }, [keys.vmIntent('Elsewhere')]: testIntent('Elsewhere') },
    });
    await post('/nodes/node1/cancel-drain');
    expect(cluster.said.at(-1)?.text).toBe(
      'The drain of node1 was cancelled: it is paused, with 2 VMs on it; Db and WebServer may still leave, as the migration is open.',
    );
  });

  test('resumed with failback keeps the list of VMs that come back; without it nothing comes back', async () => {
    await post('/nodes/node1/drain');
    await post('/nodes/node1/cancel-drain');
    await cluster.put({ [keys.vmOwner('WebServer')]: { node: 'node2' } });
    await post('/nodes/node1/resume', { failback: true });
    expect(service('node1')).toMatchObject({ mode: 'active', drain: { vms: ['Off', 'WebServer'] } });
    expect(cluster.said.at(-1)?.text).toContain('1 of its VMs');
    await post('/nodes/node1/drain');
    await post('/nodes/node1/resume', {});
    expect(service('node1')).toMatchObject({ mode: 'active', drain: null });
  });
});

describe('a change that meets another one', () => {
  test('is decided anew on what the other has left', async () => {
    cluster.store.beforeNext = () =>
      cluster.store.put({ [keys.nodeFacts('node2')]: { ...testFacts('node2'), agentVersion: '9' } });
    expect((await post('/nodes/node2/pause')).status).toBe(200);
    expect(service('node2')?.mode).toBe('paused');
  });
});
