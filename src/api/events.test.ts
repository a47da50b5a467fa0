import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiCluster, startApiCluster } from '../../test/doubles/api-cluster.ts';
import type { EventView } from '../contract/events.ts';
import type { ClusterEvent } from '../model/events.ts';
import { eventKey } from '../model/keys.ts';

let cluster: ApiCluster;
beforeEach(async () => {
  cluster = await startApiCluster();
});
afterEach(() => cluster.close());

function event(id: string, more: Partial<ClusterEvent> = {}): Record<string, ClusterEvent> {
  const at = `2026-01-01T00:00:${id.slice(-2)}.000Z`;
  const base = { id, at, by: 'node1', kind: 'node-silent', critical: false, node: null, vm: null } as const;
  return { [eventKey(id)]: { ...base, text: `event ${id}`, reason: '', ...more } };
}

async function list(query = ''): Promise<{ ids: string[]; cursor: string; fresh: boolean }> {
  const { body } = await cluster.ask('GET', `/events${query}`);
  const { events, cursor, fresh } = body as { events: EventView[]; cursor: string; fresh: boolean };
  return { ids: events.map(({ id }) => id), cursor, fresh };
}

describe('GET /events', () => {
  test('has the newest last, whatever the order in which they were stored', async () => {
    await cluster.put(event('E03'));
    await cluster.put(event('E01'));
    await cluster.put(event('E02'));
    expect((await list()).ids).toEqual(['E01', 'E02', 'E03']);
    expect((await list('?limit=2')).ids).toEqual(['E02', 'E03']);
  });

  test('filters by VM, node, importance and time', async () => {
    await cluster.put({ ...event('E01', { vm: 'WebServer' }), ...event('E02', { node: 'node2', critical: true }) });
    await cluster.put({ ...event('E03', { vm: 'WebServer', node: 'node2' }) });
    expect((await list('?vm=WebServer')).ids).toEqual(['E01', 'E03']);
    expect((await list('?node=node2')).ids).toEqual(['E02', 'E03']);
    expect((await list('?vm=WebServer&node=node2')).ids).toEqual(['E03']);
    expect((await list('?critical=true')).ids).toEqual(['E02']);
    expect((await list('?since=2026-01-01T00:00:02Z')).ids).toEqual(['E02', 'E03']);
  });

  test('filters by kind and by words of text or reason', async () => {
    await cluster.put({ ...event('E01', { kind: 'node-fenced', reason: 'Its power is OFF.' }), ...event('E02') });
    expect((await list('?kind=node-fenced')).ids).toEqual(['E01']);
    expect((await list('?text=power%20is%20off')).ids).toEqual(['E01']);
    expect((await list('?text=EVENT%20E02')).ids).toEqual(['E02']);
  });

  test('pages back from an event', async () => {
    for (const id of ['E01', 'E02', 'E03', 'E04']) await cluster.put(event(id));
    expect((await list('?limit=2&before=E04')).ids).toEqual(['E02', 'E03']);
    expect((await list('?limit=2&before=E02')).ids).toEqual(['E01']);
  });

  test('goes on after a cursor, also with an event that a cut-off node stores late', async () => {
    await cluster.put({ ...event('E05') });
    const { cursor } = await list();
    expect((await list(`?after=${cursor}`)).ids).toEqual([]);
    await cluster.put(event('E02'));
    await cluster.put(event('E07'));
    const next = await list(`?after=${cursor}`);
    expect(next.ids).toEqual(['E02', 'E07']);
    expect((await list(`?after=${next.cursor}`)).ids).toEqual([]);
  });

  test('is answered while the store is away, and says that it may be old', async () => {
    await cluster.put(event('E01'));
    cluster.store.setQuorum(false);
    expect(await list()).toMatchObject({ ids: ['E01'], fresh: false });
  });

  test('forgets what was pruned', async () => {
    await cluster.put(event('E01'));
    await cluster.put({ [eventKey('E01')]: undefined });
    expect((await list()).ids).toEqual([]);
  });

  test.each(['?since=yesterday', '?limit=0', '?limit=9999', '?after=x', '?colour=red'])('refuses %s', async (query) => {
    expect(await cluster.refusal('GET', `/events${query}`)).toMatchObject({ code: 'INVALID_INPUT' });
  });
});
