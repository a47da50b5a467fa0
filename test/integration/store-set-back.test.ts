import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEtcdServer } from '../../src/adapters/etcd/etcd-server.ts';
import { createLocalNotes } from '../../src/adapters/local-notes/local-notes.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { KnownRevisions } from '../../src/agent/known-revisions.ts';
import type { ClusterStore } from '../../src/ports/store.ts';
import type { StoreHistory } from '../../src/ports/store-history.ts';
import { startTestCluster, type TestCluster, waitFor } from './etcd-fixture.ts';

const silentLog = { debug() {}, info() {}, warn() {}, error() {} };
const OWNER = '/godwit/test/owner';

let cluster: TestCluster;
let notes: string;
beforeAll(async () => {
  cluster = await startTestCluster();
  notes = join(cluster.members[0]?.options.runtimeDirectory ?? '', 'notes');
});
afterAll(() => cluster?.remove());

/** What an agent knows, with the notes of its machine. */
function knows(directory = notes, name = 'A7:35'): KnownRevisions {
  return new KnownRevisions({
    cluster: name,
    notes: createLocalNotes(directory),
    clock: systemClock,
    log: silentLog,
  });
}

async function put(store: ClusterStore, value: unknown): Promise<void> {
  const outcome = await store.transact({ compare: [], write: [{ put: OWNER, value }] });
  expect(outcome.kind).toBe('applied');
}

/** With all members stopped, does something to their data. */
async function withAllStopped(act: (dataDirectory: string) => void): Promise<void> {
  for (const { server } of cluster.members) await server.stop();
  for (const { options } of cluster.members) act(options.dataDirectory);
  for (const member of cluster.members) {
    member.server = await startEtcdServer(member.options, systemClock, silentLog);
  }
  await cluster.mend();
}

describe('a store that is set back to an old copy under a running agent', () => {
  test('is the same one as long as its members only crash and stand still', async () => {
    const history = knows(join(notes, 'calm'));
    const store = cluster.store('node1', history);
    for (let round = 0; round < 3; round += 1) {
      await put(store, `round ${round}`);
      for (const { name } of cluster.members) cluster.signal(name, round === 1 ? 'SIGSTOP' : 'SIGKILL');
      await cluster.mend();
      await waitFor('an answer', async () => (await store.get(OWNER).catch(() => undefined)) !== undefined, 60_000);
    }
    expect(history.goneBack()).toBeNull();
  });

  test('a read that a member answers from an old state is asked of another one, and proves nothing', async () => {
    const real = knows(join(notes, 'stale'));
    let asked = 0;
    const history: StoreHistory = {
      // As if the first member asked were far behind what is known.
      newest: () => (asked++ === 0 ? '9000000' : real.newest()),
      take: (answer) => real.take(answer),
      goneBack: () => real.goneBack(),
    };
    const store = cluster.store('node1', history);
    expect(await store.list('/godwit/test/')).toHaveLength(1);
    // The read, the question through the log, the read at the next member.
    expect(asked).toBe(3);
    expect(real.goneBack()).toBeNull();
  });

  test('is noticed, and from then on as good as away', async () => {
    const history = knows();
    const store = cluster.store('node1', history);
    const seen: unknown[] = [];
    const silences: boolean[] = [];
    store.watch(OWNER, {
      snapshot: (entries) => seen.push(...entries.map(({ value }) => value)),
      changes: (entries) => seen.push(...entries.map(({ value }) => value)),
      silence: (silent) => silences.push(silent),
    });
    await put(store, 'node1');
    await withAllStopped((directory) => cpSync(directory, `${directory}.old`, { recursive: true }));
    for (let write = 0; write < 30; write += 1) await put(store, `moving ${write}`);
    await put(store, 'node2');
    await waitFor('the watch', async () => seen.at(-1) === 'node2', 30_000);
    await waitFor('the note', async () => knows().newest() === history.newest(), 30_000);
    const beforeRestore = join(notes, 'before');
    const elsewhere = join(notes, 'elsewhere');
    for (const directory of [beforeRestore, elsewhere]) {
      cpSync(join(notes, 'store-revision.json'), join(directory, 'store-revision.json'), { recursive: true });
    }

    await withAllStopped((directory) => {
      rmSync(directory, { recursive: true });
      cpSync(`${directory}.old`, directory, { recursive: true });
    });

    // Who does not know better sees the old owner.
    expect((await cluster.store().get(OWNER))?.value).toBe('node1');
    expect((await cluster.store('node1', knows(elsewhere, 'B0:11')).get(OWNER))?.value).toBe('node1');

    const goneBack = {
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('has gone back in time') as unknown,
    };
    await expect(store.get(OWNER)).rejects.toMatchObject(goneBack);
    await expect(store.list('/godwit/test/')).rejects.toMatchObject(goneBack);
    await expect(store.members()).rejects.toMatchObject(goneBack);
    const outcome = await store.transact({ compare: [], write: [{ put: OWNER, value: 'from the past' }] });
    expect(outcome).toMatchObject({ kind: 'unknown', reason: goneBack.message });
    await waitFor('silence of the watch', async () => silences.at(-1) === true, 30_000);
    expect(seen.at(-1)).toBe('node2');
    expect((await cluster.store().get(OWNER))?.value).toBe('node1');

    // An agent that is started now, and one that was restarted while the store was being set back.
    await expect(cluster.store('node1', knows()).get(OWNER)).rejects.toMatchObject(goneBack);
    const restarted = cluster.store('node1', knows(beforeRestore));
    const failed = await restarted.transact({
      compare: [{ key: OWNER, modRevision: '1' }],
      write: [{ delete: OWNER }],
    });
    expect(failed).toMatchObject({ kind: 'unknown', reason: goneBack.message });
  });
});
