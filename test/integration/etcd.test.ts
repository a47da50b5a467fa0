import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startEtcdServer } from '../../src/adapters/etcd/etcd-server.ts';
import { isAlive } from '../../src/adapters/processes/detached-process.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import type { ClusterStore, StoreEntry, Watch } from '../../src/ports/store.ts';
import { startTestCluster, type TestCluster, waitFor } from './etcd-fixture.ts';

const silentLog = { debug() {}, info() {}, warn() {}, error() {} };

let cluster: TestCluster;
let store: ClusterStore;

beforeAll(async () => {
  cluster = await startTestCluster();
  store = cluster.store('node1');
});
afterEach(() => cluster.mend());
afterAll(() => cluster?.remove());

let serial = 0;
const freshKey = () => `/godwit/test/${++serial}`;

async function create(key: string, value: unknown): Promise<string> {
  const outcome = await store.transact({ compare: [{ key, modRevision: '0' }], write: [{ put: key, value }] });
  if (outcome.kind !== 'applied') throw new Error(`${key} was not created: ${JSON.stringify(outcome)}`);
  return outcome.revision;
}

/** Collects what a watch delivers and checks that revisions only grow. */
function record(watched: ClusterStore, prefix: string) {
  const entries = new Map<string, unknown>();
  const changes: StoreEntry[] = [];
  const silences: boolean[] = [];
  let snapshots = 0;
  let newest = 0n;
  let wentBack = false;
  const forward = (revision: string) => {
    if (BigInt(revision) < newest) wentBack = true;
    newest = BigInt(revision);
  };
  const watch: Watch = watched.watch(prefix, {
    snapshot(all, revision) {
      snapshots += 1;
      forward(revision);
      entries.clear();
      for (const { key, value } of all) entries.set(key, value);
    },
    changes(some, revision) {
      forward(revision);
      changes.push(...some);
      for (const { key, value } of some) {
        if (value === undefined) entries.delete(key);
        else entries.set(key, value);
      }
    },
    silence: (silent) => silences.push(silent),
  });
  return { watch, entries, changes, silences, snapshots: () => snapshots, wentBack: () => wentBack };
}

describe('transactions', () => {
  it('are applied when every compare holds, and the value comes back with its revision', async () => {
    const key = freshKey();
    const revision = await create(key, { name: 'WebServer', cpus: 2 });
    expect(await store.get(key)).toEqual({ key, value: { name: 'WebServer', cpus: 2 }, modRevision: revision });
    expect(await store.list(`${key}`)).toHaveLength(1);
  });

  it('write nothing when a compare fails, and say what the compared keys are', async () => {
    const [present, absent] = [freshKey(), freshKey()];
    const revision = await create(present, 1);
    const outcome = await store.transact({
      compare: [
        { key: present, modRevision: '1' },
        { key: absent, modRevision: '0' },
      ],
      write: [{ put: absent, value: 2 }],
    });
    expect(outcome).toEqual({
      kind: 'compare-failed',
      current: [{ key: present, value: 1, modRevision: revision }],
    });
    expect(await store.get(absent)).toBeUndefined();
  });

  it('put and delete several keys at one revision', async () => {
    const [one, other] = [freshKey(), freshKey()];
    const before = await create(one, 'old');
    const outcome = await store.transact({
      compare: [{ key: one, modRevision: before }],
      write: [{ delete: one }, { put: other, value: ['new'] }],
    });
    expect(outcome.kind).toBe('applied');
    expect(await store.get(one)).toBeUndefined();
    expect((await store.get(other))?.modRevision).toBe(outcome.kind === 'applied' && outcome.revision);
  });

  it('that no member would accept are an error', async () => {
    const key = freshKey();
    const twice = { compare: [], write: [1, 2].map((value) => ({ put: key, value })) };
    await expect(store.transact(twice)).rejects.toThrow('duplicate key');
  });

  it('of many writers to one key are each applied exactly once', async () => {
    const key = freshKey();
    await create(key, 0);
    const others = [store, cluster.store('node2'), cluster.store('witness')];
    await Promise.all(others.map((own) => increment(own, key, 20)));
    expect((await store.get(key))?.value).toBe(60);
  });
});

async function increment(own: ClusterStore, key: string, times: number): Promise<void> {
  for (let done = 0; done < times; ) {
    const before = await own.get(key);
    if (before === undefined) throw new Error(`${key} is gone`);
    const outcome = await own.transact({
      compare: [{ key, modRevision: before.modRevision }],
      write: [{ put: key, value: Number(before.value) + 1 }],
    });
    if (outcome.kind === 'applied') done += 1;
    else if (outcome.kind === 'unknown') throw new Error(outcome.reason);
  }
}

describe('the loss of a member', () => {
  /** Compare-and-swap again and again; every answer "applied" must be true, and every other answer too. */
  async function writeUntil(ended: () => boolean) {
    const key = freshKey();
    let revision = await create(key, 0);
    let applied = 0;
    let unknown = 0;
    for (let number = 1; !ended(); number++) {
      const outcome = await store.transact({
        compare: [{ key, modRevision: revision }],
        write: [{ put: key, value: number }],
      });
      if (outcome.kind === 'compare-failed') throw new Error('a compare failed that nobody else could have broken');
      if (outcome.kind === 'unknown') unknown += 1;
      const now = await store.get(key, 10_000);
      if (outcome.kind === 'applied') {
        applied += 1;
        expect(now).toEqual({ key, value: number, modRevision: outcome.revision });
      }
      revision = now?.modRevision ?? '0';
    }
    return { applied, unknown };
  }

  async function duringWrites(disturb: () => void, lastMs: number) {
    let ended = false;
    const writing = writeUntil(() => ended);
    await systemClock.sleep(300);
    disturb();
    await systemClock.sleep(lastMs);
    ended = true;
    return writing;
  }

  it('by kill -9 of the leader lets transactions go on', async () => {
    const leader = await cluster.leader();
    const { applied } = await duringWrites(() => cluster.signal(leader, 'SIGKILL'), 5000);
    expect(applied).toBeGreaterThan(20);
  });

  it('by kill -9 of the local member lets transactions go on', async () => {
    const { applied, unknown } = await duringWrites(() => cluster.signal('node1', 'SIGKILL'), 4000);
    expect(applied).toBeGreaterThan(20);
    expect(unknown).toBeLessThan(2);
  });

  it('by freezing the local member lets transactions go on', async () => {
    const { applied, unknown } = await duringWrites(() => cluster.signal('node1', 'SIGSTOP'), 5000);
    expect(applied).toBeGreaterThan(20);
    expect(unknown).toBeLessThan(2);
  });

  it('shows in the list of members', async () => {
    cluster.signal('witness', 'SIGSTOP');
    const all = await store.members();
    expect(all.map(({ name, healthy }) => [name, healthy])).toEqual([
      ['node1', true],
      ['node2', true],
      ['witness', false],
    ]);
    expect(all[0]).toMatchObject({ version: expect.stringMatching(/^3\./), sizeBytes: expect.any(Number) });
  });
});

describe('the loss of all members', () => {
  it('makes transactions unknown and reads fail, within the deadline, and passes', async () => {
    const key = freshKey();
    const revision = await create(key, 'before');
    const watching = record(store, key);
    await waitFor('the snapshot', () => watching.snapshots() === 1);
    for (const { name } of cluster.members) cluster.signal(name, 'SIGSTOP');
    const startedAtMs = performance.now();
    const outcome = await store.transact({
      compare: [{ key, modRevision: revision }],
      write: [{ put: key, value: 'after' }],
    });
    expect(outcome.kind).toBe('unknown');
    await expect(store.get(key, 1000)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    // Not a measure of speed: without deadlines this would never end.
    expect(performance.now() - startedAtMs).toBeLessThan(10_000);
    await waitFor('silence', () => watching.silences.at(-1) === true);
    await cluster.mend();
    await waitFor('an end of the silence', () => watching.silences.at(-1) === false);
    const now = await store.get(key);
    expect(['before', 'after']).toContain(now?.value);
    await store.transact({ compare: [], write: [{ put: key, value: 'again' }] });
    await waitFor('the change', () => watching.entries.get(key) === 'again');
    expect(watching.wentBack()).toBe(false);
    watching.watch.close();
  });
});

describe('a watch', () => {
  it('delivers the prefix as it is and then every change', async () => {
    const prefix = `${freshKey()}/`;
    await create(`${prefix}a`, 1);
    const watching = record(store, prefix);
    await waitFor('the snapshot', () => watching.snapshots() === 1);
    const revision = await create(`${prefix}b`, 2);
    await store.transact({ compare: [], write: [{ delete: `${prefix}a` }] });
    await waitFor('the deletion', () => !watching.entries.has(`${prefix}a`));
    expect([...watching.entries]).toEqual([[`${prefix}b`, 2]]);
    expect(watching.changes[0]).toEqual({ key: `${prefix}b`, value: 2, modRevision: revision });
    expect(watching.changes[1]?.value).toBeUndefined();
    watching.watch.close();
  });

  it.each(['SIGSTOP', 'SIGKILL'] as const)('loses no event when its member gets %s', async (signal) => {
    const prefix = `${freshKey()}/`;
    const watched = cluster.store('node2');
    const watching = record(watched, prefix);
    await waitFor('the snapshot', () => watching.snapshots() === 1);
    let written = 0;
    const write = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const put = { put: `${prefix}${String(written).padStart(4, '0')}`, value: written };
        const outcome = await store.transact({ compare: [], write: [put] });
        if (outcome.kind === 'applied') written += 1;
      }
    };
    await write(20);
    cluster.signal('node2', signal);
    for (let round = 0; round < 14; round++) {
      await write(10);
      await systemClock.sleep(400);
    }
    await waitFor('all changes', () => watching.entries.size >= written);
    const values = [...watching.entries.values()];
    expect(values).toEqual(Array.from({ length: written }, (_, index) => index));
    expect(watching.snapshots()).toBe(1);
    expect(watching.wentBack()).toBe(false);
    watched.close();
  });

  it('delivers no more once it is closed', async () => {
    const prefix = `${freshKey()}/`;
    const watching = record(store, prefix);
    await waitFor('the snapshot', () => watching.snapshots() === 1);
    watching.watch.close();
    await create(`${prefix}late`, 1);
    await systemClock.sleep(200);
    expect(watching.changes).toEqual([]);
  });
});

describe('the process of a member', () => {
  it('is adopted by the next agent and restarted by it after its end', async () => {
    const [member] = cluster.members;
    if (member === undefined) throw new Error('no member');
    const before = cluster.process(member.name);
    member.server.leave();
    const next = await startEtcdServer(member.options, systemClock, silentLog);
    member.server = next;
    expect(next.adopted).toBe(true);
    expect(next.process()).toEqual(before);
    process.kill(before.pid, 'SIGKILL');
    await waitFor('the end', () => !isAlive(before));
    await waitFor('a new process', () => next.process() !== undefined);
    expect(next.process()).not.toEqual(before);
    await cluster.mend();
    expect(await store.get(freshKey())).toBeUndefined();
  });
});
