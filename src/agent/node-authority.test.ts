import { describe, expect, test } from 'vitest';
import { testFacts } from '../../test/doubles/cluster-facts.ts';
import {
  type Done,
  MemoryNotes,
  type PeerCall,
  silentLog,
  TestGuard,
  testPeers,
} from '../../test/doubles/failover-node.ts';
import { ManualClock, type ManualClockOptions } from '../../test/doubles/manual-clock.ts';
import { MemoryStore } from '../../test/doubles/memory-store.ts';
import type { NodeHeartbeat, NodeMembership, TakeoverTerms } from '../model/authority.ts';
import { keys } from '../model/keys.ts';
import { watchCluster } from './cluster-view.ts';
import { NodeAuthority } from './node-authority.ts';

const KEY = keys.nodeMembership('node1');
const MEMBER: NodeMembership = { state: 'member', bootId: 'boot1', since: '2026-01-01T00:00:00.000Z' };
const FENCED: NodeMembership = {
  ...{ state: 'fenced', bootId: 'boot1', since: '2026-01-01T00:00:00.000Z', reason: 'it was silent', by: 'node2' },
  evidence: { kind: 'confirmed', by: 'admin' },
};
const TERMS: TakeoverTerms = { voters: ['node2', 'node3'], votesNeeded: 2, takeoverMs: 7500 };

interface Setting {
  readonly clock?: ManualClockOptions;
  readonly notes?: MemoryNotes;
  readonly grants?: (call: PeerCall) => boolean;
  readonly wired?: boolean;
}

/** node1 with a guard, in a cluster of three; a member unless `wired` is false. */
async function node1({ clock: how, notes = new MemoryNotes(), grants = () => false, wired = true }: Setting = {}) {
  const done: Done = [];
  const clock = new ManualClock({ sleeps: true, ...how });
  const store = new MemoryStore();
  store.put({ [KEY]: MEMBER });
  if (wired) {
    for (const name of ['node1', 'node2', 'node3']) store.put({ [keys.nodeFacts(name)]: testFacts(name) });
  }
  const view = watchCluster(store, clock);
  await view.ready();
  const guard = new TestGuard(done);
  // The guard takes what it is told, and says so.
  const { extend } = guard;
  guard.extend = (untilMs) => {
    extend.call(guard, untilMs);
    void Promise.resolve().then(() => guard.is({ authorityUntilMs: untilMs }));
  };
  const calls: PeerCall[] = [];
  const peers = testPeers((call) => ({ granted: grants(call), reason: '' }), calls);
  const answers: boolean[] = [];
  let terms = TERMS;
  const authority = new NodeAuthority(
    { store, view, peers, guard, notes, clock, log: silentLog },
    {
      ...{ node: 'node1', bootId: 'boot1', agentId: 'a1', promises: () => [] },
      terms: () => terms,
      onHeartbeat: (applied) => void answers.push(applied),
    },
  );
  authority.subscribe((change) => void done.push(change));
  const token = async () => (await store.get(KEY))?.modRevision ?? null;
  authority.setMembership(await token());
  return {
    ...{ done, clock, store, guard, notes, calls, answers, authority, token },
    heartbeat: () => store.value<NodeHeartbeat>(keys.nodeHeartbeat('node1')),
    setTerms(changed: TakeoverTerms) {
      terms = changed;
      authority.tellTerms();
    },
  };
}

describe('NodeAuthority', () => {
  test('tells that authority is there ahead of the guard, and extends it with every heartbeat', async () => {
    const { done, clock, guard, authority, heartbeat } = await node1();
    expect(authority.holds()).toBe(false);
    await clock.pass(3000);
    expect(done.slice(0, 2)).toEqual(['back', 'guard extends']);
    expect(done.filter((what) => what === 'back')).toHaveLength(1);
    expect(authority.holds()).toBe(true);
    expect(heartbeat()?.takeoverMs).toBe(7500);
    // Counted from when the heartbeat was sent.
    const last = guard.told.at(-1);
    expect(typeof last === 'number' && last <= clock.monotonicMs() + 3500).toBe(true);
  });

  test('no heartbeat says a takeover time before the guard has an end time', async () => {
    const { clock, guard, heartbeat } = await node1();
    guard.extend = (untilMs) => void guard.told.push(untilMs);
    await clock.pass(3000);
    expect(heartbeat()?.takeoverMs).toBeNull();
    guard.is({ authorityUntilMs: clock.monotonicMs() + 3000 });
    await clock.pass(1000);
    expect(heartbeat()?.takeoverMs).toBe(7500);
  });

  test.each([0, 0.9, 5])('says once that it has ended, not before it has; timers early by %d ms', async (earlyMs) => {
    const { done, clock, store, guard, authority } = await node1({ clock: { earlyMs } });
    await clock.pass(3000);
    const until = guard.told.at(-1) as number;
    store.setQuorum(false);
    authority.subscribe(() => void done.push(`at ${clock.monotonicMs() >= until}`));
    await clock.pass(6000, 1);
    expect(done.slice(-2)).toEqual(['ended', 'at true']);
    expect(done.filter((what) => what === 'ended')).toHaveLength(1);
    expect(authority.holds()).toBe(false);
    expect(guard.told.at(-1)).toBe(until);
  });

  test('an answer that comes when all is over does not extend the guard', async () => {
    const { clock, store, guard, done } = await node1();
    await clock.pass(3000);
    const { transact } = store;
    // Held up for longer than authority lasts, with all that is under way.
    store.transact = async (...args) => {
      await clock.sleep(4000);
      return await transact.apply(store, args);
    };
    await clock.pass(3400);
    const told = guard.told.length;
    await clock.pass(20_000, 50);
    expect(guard.told).toHaveLength(told);
    expect(done.at(-1)).toBe('ended');
  });

  test('says that it had ended when it learns both at once: what may have been frozen is proven', async () => {
    const { clock, store, done, authority } = await node1();
    await clock.pass(3000);
    store.setQuorum(false);
    await clock.pass(2700);
    store.setQuorum(true);
    done.length = 0;
    // Held up: no timer has come when the answer does.
    const { monotonicMs } = clock;
    let lateMs = 0;
    clock.monotonicMs = () => monotonicMs.call(clock) + lateMs;
    const { transact } = store;
    store.transact = async (...args) => {
      const outcome = await transact.apply(store, args);
      lateMs = 1500;
      return outcome;
    };
    await clock.pass(400, 1);
    expect(done.slice(0, 3)).toEqual(['ended', 'back', 'guard extends']);
    expect(authority.holds()).toBe(true);
  });

  test('the guard is not extended when somebody could not take in that authority is back, until he can', async () => {
    const { clock, guard, authority, done } = await node1();
    let broken = true;
    authority.subscribe((change) => {
      if (broken && change === 'back') throw new Error('the freezer does not answer');
    });
    await clock.pass(2000);
    expect(guard.told).toEqual([]);
    broken = false;
    await clock.pass(1000);
    expect(guard.told.length).toBeGreaterThan(0);
    expect(done.filter((what) => what === 'back').length).toBeGreaterThan(1);
  });

  test('one listener that breaks keeps nobody else from hearing of the end', async () => {
    const { clock, store, authority } = await node1();
    await clock.pass(2000);
    authority.subscribe(() => {
      throw new Error('broken');
    });
    const heard: string[] = [];
    authority.subscribe((change) => void heard.push(change));
    store.put({ [KEY]: FENCED });
    await clock.pass(1000);
    expect(heard).toEqual(['fenced']);
  });

  test('fenced: the guard ends at once, and nothing is extended before it is a member again', async () => {
    const { clock, store, guard, authority, done, token } = await node1();
    await clock.pass(2000);
    store.put({ [KEY]: FENCED });
    await clock.pass(1000);
    expect(done.slice(-2)).toEqual(['guard ends', 'fenced']);
    expect(guard.told.at(-1)).toBe('end');
    expect([authority.holds(), authority.heardByStore()]).toEqual([false, true]);
    await clock.pass(10_000, 50);
    expect(guard.told.at(-1)).toBe('end');
    store.put({ [KEY]: MEMBER });
    authority.setMembership(await token());
    await clock.pass(1000);
    expect(done.filter((what) => what === 'back')).toHaveLength(2);
  });

  test('its own membership under another revision is an answer that was lost, not a fencing', async () => {
    const { clock, store, authority, done } = await node1();
    await clock.pass(2000);
    store.put({ [KEY]: MEMBER });
    await clock.pass(3000);
    expect(done).not.toContain('fenced');
    expect(done).not.toContain('ended');
    expect(authority.holds()).toBe(true);
  });

  test('a membership of another boot is a fencing, and so is none', async () => {
    for (const found of [{ ...MEMBER, bootId: 'boot2' }, undefined]) {
      const { clock, store, done } = await node1();
      await clock.pass(2000);
      store.put({ [KEY]: found });
      await clock.pass(1000);
      expect(done.at(-1)).toBe('fenced');
    }
  });

  test('is fenced also while it renews its token', async () => {
    const { clock, store, done, heartbeat } = await node1({ notes: new MemoryNotes() });
    // Without a note of earlier agents it asks for a new token, with the first committed heartbeat.
    const { get } = store;
    let fenced = false;
    store.get = async (key) => {
      if (key === KEY && !fenced) {
        fenced = true;
        store.put({ [KEY]: FENCED });
      }
      return await get.call(store, key);
    };
    await clock.pass(1000);
    expect(fenced).toBe(true);
    expect(heartbeat()).toBeDefined();
    expect(done.at(-1)).toBe('fenced');
  });

  test('asks the noted addresses for promises when neither the store nor its view are there', async () => {
    const terms = [TERMS];
    const members = {
      node2: { addresses: ['10.0.0.2'], peerPort: 1 },
      node3: { addresses: ['10.0.0.3'], peerPort: 1 },
    };
    const { clock, store, calls, authority, guard } = await node1({
      notes: new MemoryNotes({ 'takeover-terms': terms, members }),
      ...{ wired: false, grants: ({ node }) => node === 'node2' },
    });
    guard.is({ authorityUntilMs: clock.monotonicMs() + 1000 });
    store.setQuorum(false);
    await clock.pass(3000);
    expect(calls.map(({ addresses }) => addresses[0])).toContain('10.0.0.3');
    expect(calls.every(({ method }) => method === 'promise')).toBe(true);
    // One of two is enough here: a takeover needs both.
    expect(authority.holds()).toBe(true);
    await clock.pass(10_000, 50);
    expect(authority.holds()).toBe(true);
  });

  test('where the members are is noted, and not forgotten by an agent whose view is empty', async () => {
    const { notes, store, clock } = await node1();
    store.put({ [keys.nodeFacts('node3')]: { ...testFacts('node3'), addresses: ['10.0.0.9'] } });
    await clock.pass(100);
    expect(notes.read('members')).toMatchObject({ node3: { addresses: ['10.0.0.9'] } });
    await node1({ notes, wired: false });
    expect(notes.read('members')).toMatchObject({ node3: { addresses: ['10.0.0.9'] } });
  });

  test('terms that cannot be noted are not sent: promises have to do until they are', async () => {
    const { clock, notes, setTerms, heartbeat, authority } = await node1({ grants: () => true });
    await clock.pass(3000);
    notes.failing = true;
    setTerms({ ...TERMS, voters: ['node2'], votesNeeded: 1 });
    await clock.pass(10_000, 50);
    expect(heartbeat()?.voters).toEqual(['node2', 'node3']);
    expect(authority.holds()).toBe(true);
    notes.failing = false;
    await clock.pass(15_000, 50);
    expect(heartbeat()?.voters).toEqual(['node2']);
    expect(notes.read('takeover-terms')).toEqual([{ ...TERMS, voters: ['node2'], votesNeeded: 1 }]);
  });

  test('a store that breaks instead of answering is taken for one that does not answer', async () => {
    const { clock, store, answers, done } = await node1();
    await clock.pass(2000);
    store.transact = () => Promise.reject(new Error('broken'));
    await clock.pass(6000, 50);
    expect(answers.at(-1)).toBe(false);
    expect(done.at(-1)).toBe('ended');
  });
});
