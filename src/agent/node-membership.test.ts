import { expect, test } from 'vitest';
import { type Done, saidEvents, silentLog } from '../../test/doubles/failover-node.ts';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { MemoryStore } from '../../test/doubles/memory-store.ts';
import type { NodeMembership } from '../model/authority.ts';
import { keys } from '../model/keys.ts';
import type { AuthorityChange } from './node-authority.ts';
import { NodeMembershipKeeper } from './node-membership.ts';

const KEY = keys.nodeMembership('node1');
const MEMBER: NodeMembership = { state: 'member', bootId: 'boot1', since: '2026-01-01T00:00:00.000Z' };
const FENCED: NodeMembership = {
  ...{ state: 'fenced', bootId: 'boot1', since: '2026-01-01T00:00:00.000Z', reason: 'it was silent', by: 'node2' },
  evidence: { kind: 'confirmed', by: 'admin' },
};

function keeper(found: NodeMembership | undefined, { bootId = 'boot1', admission = null as string | null } = {}) {
  const done: Done = [];
  const store = new MemoryStore();
  if (found !== undefined) store.put({ [KEY]: found });
  const clock = new ManualClock({ sleeps: true });
  const events = saidEvents();
  const tokens: (string | null)[] = [];
  const listeners: ((change: AuthorityChange) => void)[] = [];
  const ends = { failures: 0 };
  const keeping = new NodeMembershipKeeper(
    { store, events, clock, log: silentLog },
    {
      ...{ node: 'node1', bootId, admission },
      onReplaced: () => void done.push('replaced'),
      async endAll() {
        if (ends.failures > 0) {
          ends.failures -= 1;
          throw new Error('a QEMU does not go');
        }
        done.push(`all ended, ${store.tried.length} transactions before`);
      },
      authority: {
        setMembership: (token) => void tokens.push(token),
        subscribe: (listener) => void listeners.push(listener),
      },
    },
  );
  return {
    ...{ done, store, clock, events, tokens, keeping, ends },
    say(change: AuthorityChange) {
      for (const listener of listeners) listener(change);
    },
    revision: async () => (await store.get(KEY))?.modRevision,
  };
}

test('a restarted agent goes on under the token of the one before it, and ends nothing', async () => {
  const { store, keeping, tokens, done, revision } = keeper(MEMBER);
  await keeping.join();
  expect(tokens).toEqual([null, await revision()]);
  expect(store.tried).toEqual([]);
  expect(done).toEqual([]);
});

test('after a boot there is a new token, and the heartbeat of the former life is gone', async () => {
  const { store, keeping, tokens, revision } = keeper(MEMBER, { bootId: 'boot2' });
  store.put({ [keys.nodeHeartbeat('node1')]: { sequence: 1 } });
  const before = await revision();
  await keeping.join();
  expect(tokens.at(-1)).toBe(await revision());
  expect(await revision()).not.toBe(before);
  expect(store.value<NodeMembership>(KEY)).toMatchObject({ state: 'member', bootId: 'boot2' });
  expect(store.value(keys.nodeHeartbeat('node1'))).toBeUndefined();
});

test('a fenced node ends its VMs before it says that it is a member again, and says why', async () => {
  const { store, clock, keeping, tokens, done, ends, events, revision } = keeper(FENCED);
  ends.failures = 2;
  void keeping.join();
  await clock.pass(200);
  expect(store.tried).toEqual([]);
  await clock.pass(1000);
  expect(done).toEqual(['all ended, 0 transactions before']);
  expect(tokens.at(-1)).toBe(await revision());
  expect(events.said.map(({ kind }) => kind)).toEqual(['node-rejoined']);
});

test('a lost answer leads to one membership, and to one end of the VMs', async () => {
  const { store, clock, keeping, tokens, revision, done } = keeper(FENCED);
  store.mishaps.push('unknown-applied');
  void keeping.join();
  await clock.pass(1000);
  expect(tokens).toEqual([null, await revision()]);
  expect(store.tried).toHaveLength(1);
  expect(done).toHaveLength(1);
});

test('a fencing that comes twice ends the VMs twice, each time before the transaction', async () => {
  const { store, clock, keeping, tokens, done, say } = keeper(MEMBER);
  await keeping.join();
  for (const before of [0, 1]) {
    store.put({ [KEY]: FENCED });
    say('fenced');
    say('fenced');
    await clock.pass(500);
    expect(done).toHaveLength(before + 1);
    expect(done[before]).toBe(`all ended, ${before} transactions before`);
    expect(store.value<NodeMembership>(KEY)?.state).toBe('member');
  }
  expect(tokens.filter((token) => token !== null)).toHaveLength(3);
});

test('one that comes while the node is told its new token is not overheard', async () => {
  const { store, clock, keeping, tokens, done, say } = keeper(MEMBER);
  let again = true;
  tokens.push = (token) => {
    if (token !== null && again) {
      again = false;
      store.put({ [KEY]: FENCED });
      say('fenced');
    }
    return 0;
  };
  await keeping.join();
  await clock.pass(500);
  expect(done).toHaveLength(1);
  expect(store.value<NodeMembership>(KEY)?.state).toBe('member');
});

test('whose membership is gone ends its VMs, and leaves no trace if it was removed from the cluster', async () => {
  const { store, clock, keeping, say, done, tokens } = keeper(MEMBER);
  await keeping.join();
  store.put({ [KEY]: undefined, [keys.eviction('node1')]: { node: 'node1' } });
  say('fenced');
  await clock.pass(2000);
  expect(done).toHaveLength(1);
  expect(store.value(KEY)).toBeUndefined();
  expect(tokens.at(-1)).toBeNull();
});

test('without the store it keeps trying', async () => {
  const { store, clock, keeping, tokens, revision } = keeper(MEMBER);
  store.setQuorum(false);
  void keeping.join();
  await clock.pass(5000, 100);
  expect(tokens).toEqual([null]);
  store.setQuorum(true);
  await clock.pass(500);
  expect(tokens).toEqual([null, await revision()]);
});

test('a machine whose name another one was let in under is no member any more, whatever it had been', async () => {
  for (const found of [MEMBER, undefined]) {
    const { store, clock, keeping, tokens, done } = keeper(found, { bootId: 'boot2', admission: 'old' });
    store.put({ [keys.nodeAdmission('node1')]: { requestHash: 'new' } });
    const before = store.value(KEY);
    void keeping.join();
    await clock.pass(100);
    expect(done).toContain('replaced');
    expect(tokens).toEqual([null]);
    expect(store.value(KEY)).toEqual(before);
  }
});

test('a machine that was let in becomes a member only while that admission stands', async () => {
  const { store, keeping } = keeper(undefined, { admission: 'own' });
  store.put({ [keys.nodeAdmission('node1')]: { requestHash: 'own' } });
  await keeping.join();
  expect(store.tried[0]?.compare).toContainEqual({
    key: keys.nodeAdmission('node1'),
    modRevision: (await store.get(keys.nodeAdmission('node1')))?.modRevision,
  });
});
