import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiCluster, PASSWORD, startApiCluster } from '../../test/doubles/api-cluster.ts';
import { testIntent, testReceipt, vmEntries } from '../../test/doubles/cluster-facts.ts';
import { LIVE_ENDED_MIGRATIONS, type LiveMessage } from '../contract/live.ts';
import { eventKey, keys, loadKey } from '../model/keys.ts';

describe('the live channel', () => {
  let cluster: ApiCluster;
  let heard: LiveMessage[];
  /** What was said about the cluster as a whole, which depends on nearly everything. */
  const glances: LiveMessage[] = [];
  let close: () => void;

  beforeEach(async () => {
    glances.length = 0;
    cluster = await startApiCluster();
    await cluster.put(vmEntries('WebServer', 'running'));
    ({ heard, close } = await listen());
  });
  afterEach(async () => {
    close();
    await cluster.close();
  });

  async function listen() {
    const messages: LiveMessage[] = [];
    const authorization = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`;
    const socket = await cluster.server.injectWS(
      '/api/v1/live',
      { headers: { authorization } },
      {
        onInit: (opened) =>
          opened.on('message', (data: Buffer) => {
            const message = JSON.parse(data.toString()) as LiveMessage;
            (message.type === 'cluster' ? glances : messages).push(message);
          }),
      },
    );
    await settled();
    return { heard: messages, close: () => socket.terminate() };
  }

  /** Lets what is on its way over the in-memory socket arrive. */
  const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

  async function change(values: Record<string, unknown>): Promise<LiveMessage[]> {
    heard.length = 0;
    await cluster.put(values);
    cluster.clock.advance(100);
    await settled();
    return [...heard];
  }

  test('begins with a snapshot', () => {
    expect(heard).toMatchObject([
      {
        type: 'snapshot',
        ...{ part: 1, parts: 1, node: 'node1', loads: [] },
        vms: [{ name: 'WebServer' }],
        nodes: [{ name: 'node1' }, { name: 'node2' }, {}],
        migrations: [],
        fresh: true,
      },
    ]);
  });

  test('has the newest ended migrations in the snapshot, and no more than it promises', async () => {
    const ids = Array.from({ length: LIVE_ENDED_MIGRATIONS + 5 }, (_, index) => `01${String(index).padStart(4, '0')}`);
    await cluster.put(Object.fromEntries(ids.map((id) => [keys.migration(id), testReceipt(id)])));
    const later = await listen();
    const shown = later.heard.flatMap((message) => (message.type === 'snapshot' ? message.migrations : []));
    expect(shown.map((view) => view.state === 'ended' && view.receipt.id)).toEqual(ids.slice(-LIVE_ENDED_MIGRATIONS));
    later.close();
  });

  test('says how the cluster is as a whole, and again when that has changed', async () => {
    expect(glances).toMatchObject([
      { type: 'cluster', cluster: { name: 'test', quorum: { held: true }, fresh: true } },
    ]);
    cluster.store.setQuorum(false);
    cluster.clock.advance(4000);
    await settled();
    cluster.clock.advance(1000);
    await settled();
    expect(glances.at(-1)).toMatchObject({ cluster: { quorum: { held: false, healthy: 1 }, fresh: false } });
  });

  test('hands on what nodes say of their load, and says nothing about their VMs for it', async () => {
    const atMs = cluster.clock.wallMs();
    const messages = await change({
      [loadKey('node2')]: { node: 'node2', samples: [[atMs, 12.5, 100, 200, 3, 4]], vms: { WebServer: 40 } },
    });
    expect(messages).toMatchObject([
      {
        type: 'load',
        load: { node: 'node2', samples: [{ cpuPercent: 12.5 }], vms: [{ name: 'WebServer', cpuPercent: 40 }] },
      },
    ]);
    const { body } = await cluster.ask('GET', '/nodes/node2/load');
    expect(body).toMatchObject({ node: 'node2', samples: [{ memoryUsedBytes: 100, memoryTotalBytes: 200 }] });
  });

  test('says each new event at once, and none that was there before', async () => {
    const base = { at: '2026-01-01T00:00:00.000Z', by: 'node1', kind: 'vm-waits', critical: false } as const;
    const event = { ...base, id: 'E01', node: null, vm: 'WebServer', text: 'WebServer waits.', reason: '' };
    heard.length = 0;
    await cluster.put({ [eventKey('E01')]: event });
    await settled();
    expect(heard).toEqual([{ type: 'event', event }]);
    const later = await listen();
    expect(later.heard.map(({ type }) => type)).toEqual(['snapshot']);
    later.close();
  });

  test('says what changed and nothing else', async () => {
    const messages = await change({ ...vmEntries('Second', 'off') });
    expect(messages.map((message) => message.type)).toEqual(['vm', 'node']);
    expect(messages).toMatchObject([
      { vm: { name: 'Second' } },
      { node: { name: 'node1', vms: ['Second', 'WebServer'] } },
    ]);
  });

  test('says only the last of many changes to one object', async () => {
    for (const phase of ['reservation', 'iterative-pre-copy', 'stop-and-copy']) {
      cluster.store.put({
        [keys.vmIntent('WebServer')]: testIntent('WebServer'),
        [keys.migrationProgress('01MIGRATION')]: { phase },
      });
    }
    const messages = await change({});
    expect(messages.map((message) => message.type)).toEqual(['vm', 'migration']);
    expect(messages[0]).toMatchObject({ vm: { migration: { phase: 'stop-and-copy' } } });
  });

  test('says the receipt when a migration has ended', async () => {
    await change({ [keys.vmIntent('WebServer')]: testIntent('WebServer') });
    const messages = await change({
      [keys.vmIntent('WebServer')]: undefined,
      [keys.migration('01MIGRATION')]: testReceipt('01MIGRATION'),
    });
    expect(messages).toContainEqual({
      type: 'migration',
      migration: { state: 'ended', receipt: testReceipt('01MIGRATION') },
    });
  });

  test('says that a VM is gone', async () => {
    const gone = Object.fromEntries(Object.keys(vmEntries('WebServer', 'off')).map((key) => [key, undefined]));
    expect(await change(gone)).toContainEqual({ type: 'vm-deleted', name: 'WebServer' });
  });

  test('notices by itself that a node fell silent, and that the store did', async () => {
    heard.length = 0;
    cluster.clock.advance(5000);
    await settled();
    expect(heard).toContainEqual({
      type: 'node',
      node: expect.objectContaining({ name: 'node2', state: 'down' }) as object,
    });
    cluster.store.setQuorum(false);
    expect(await change({})).toContainEqual({ type: 'freshness', fresh: false });
  });

  test('does not open without a password', async () => {
    await expect(cluster.server.injectWS('/api/v1/live')).rejects.toThrow('401');
  });
});
