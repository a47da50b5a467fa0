import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createEventLog, type SpooledEventLog } from '../../src/adapters/event-log/event-log.ts';
import { pruneEvents } from '../../src/adapters/event-log/prune.ts';
import { randomIds } from '../../src/adapters/system/random-ids.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { EventHistory } from '../../src/api/event-history.ts';
import { EVENTS_PREFIX } from '../../src/model/keys.ts';
import type { NewEvent } from '../../src/ports/events.ts';
import type { Log } from '../../src/ports/log.ts';
import type { ClusterStore } from '../../src/ports/store.ts';
import { startTestCluster, type TestCluster } from './etcd-fixture.ts';

let directory: string;
let cluster: TestCluster;
let store: ClusterStore;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'godwit-event-log-'));
  cluster = await startTestCluster();
  store = cluster.store();
});
afterAll(async () => {
  store.close();
  await cluster.remove();
  rmSync(directory, { recursive: true, force: true });
});

const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

function eventLog(): SpooledEventLog {
  const spoolFile = join(directory, 'events.jsonl');
  return createEventLog({ node: 'node1', spoolFile, store, clock: systemClock, ids: randomIds, log: silentLog });
}

function event(text: string): NewEvent {
  return { kind: 'node-silent', critical: true, node: 'node2', vm: null, text, reason: 'r'.repeat(1000) };
}

describe('the event log in etcd', () => {
  test('has every event once and in order, said before, during and after an outage, by two agents in turn', async () => {
    const history = new EventHistory(store);
    const first = eventLog();
    for (let i = 0; i < 60; i++) first.say(event(`${i}`));
    await vi.waitFor(() => expect(history.all()).toHaveLength(60), 10_000);
    for (const { name } of cluster.members) cluster.signal(name, 'SIGSTOP');
    for (let i = 60; i < 130; i++) first.say(event(`${i}`));
    await first.close();
    expect(history.all()).toHaveLength(60);
    const second = eventLog();
    second.say(event('130'));
    await cluster.mend();
    await vi.waitFor(() => expect(history.all()).toHaveLength(131), 30_000);
    expect(history.all().map((stored) => stored.event.text)).toEqual(Array.from({ length: 131 }, (_, i) => `${i}`));
    await second.close();
    history.close();
  });

  test('is pruned in more than one transaction', async () => {
    await pruneEvents(store, Date.now() + 31 * 86_400_000);
    expect(await store.list(EVENTS_PREFIX)).toEqual([]);
  });
});
