import { expect, test } from 'vitest';
import { testFacts } from '../../test/doubles/cluster-facts.ts';
import { MemoryNotes, saidEvents, silentLog } from '../../test/doubles/failover-node.ts';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { MemoryStore } from '../../test/doubles/memory-store.ts';
import type { NodeVote } from '../model/authority.ts';
import { keys } from '../model/keys.ts';
import { watchCluster } from './cluster-view.ts';
import { NodeVoter } from './node-voter.ts';

const VOTE = keys.vote('node1', 'node2');

/** node2, which votes about node1. */
async function node2({ notes = new MemoryNotes() } = {}) {
  const clock = new ManualClock({ sleeps: true });
  const store = new MemoryStore();
  for (const name of ['node1', 'node2']) store.put({ [keys.nodeFacts(name)]: testFacts(name) });
  const view = watchCluster(store, clock);
  await view.ready();
  const events = saidEvents();
  const voter = new NodeVoter({ store, view, notes, events, clock, log: silentLog }, { node: 'node2', bootId: 'b2' });
  let sequence = 0;
  /** node1 is heard. */
  const beat = async () => {
    sequence += 1;
    store.put({
      [keys.nodeHeartbeat('node1')]: {
        ...{ sequence, bootId: 'b1', agentId: 'a1', promises: [], guard: null },
        ...{ voters: ['node2', 'node3'], votesNeeded: 2, takeoverMs: 7500 },
      },
    });
    await clock.pass(10);
  };
  return {
    ...{ clock, store, notes, events, voter, beat },
    vote: () => store.value<NodeVote>(VOTE),
    /** node2's own heartbeats get through. */
    async pass(ms: number) {
      for (let passedMs = 0; passedMs < ms; passedMs += 500) {
        voter.ownHeartbeat(true);
        await clock.pass(Math.min(500, ms - passedMs), 50);
      }
    },
    async asks() {
      return (await voter.promise('node1')).granted;
    },
  };
}

test('a vote is on disk before it is in the store, and is news once however often it is written', async () => {
  const { notes, store, events, vote, beat, pass } = await node2();
  await beat();
  await pass(7000);
  expect([vote(), notes.written]).toEqual([undefined, []]);
  const order: string[] = [];
  const { write } = notes;
  notes.write = async (...args) => {
    await write.apply(notes, args);
    order.push('noted');
  };
  const { transact } = store;
  store.transact = async (...args) => {
    order.push('written');
    return await transact.apply(store, args);
  };
  await pass(1000);
  expect(order).toEqual(['noted', 'written']);
  expect(vote()).toMatchObject({ voterBootId: 'b2' });
  await pass(20_000);
  expect(order.filter((what) => what === 'written').length).toBeGreaterThan(2);
  expect(events.said.map(({ kind, node }) => [kind, node])).toEqual([['voted', 'node1']]);
});

test('a vote that cannot be noted is not cast, and there is no promise beside it either', async () => {
  const { notes, vote, beat, pass, asks } = await node2();
  notes.failing = true;
  await beat();
  await pass(20_000);
  expect(vote()).toBeUndefined();
  expect(await asks()).toBe(false);
  notes.failing = false;
  await pass(2000);
  expect(vote()).toBeDefined();
  // Not as many as there were tries.
  expect(notes.written.length).toBeLessThan(4);
});

test('a promise puts the vote off by the whole takeover time', async () => {
  const { vote, beat, pass, asks } = await node2();
  await beat();
  await pass(7000);
  expect(await asks()).toBe(true);
  await pass(7000);
  expect(vote()).toBeUndefined();
  await pass(1000);
  expect(vote()).toBeDefined();
  expect(await asks()).toBe(false);
});

test('a newer heartbeat ends vote and note, and there are promises again', async () => {
  const { notes, vote, beat, pass, asks } = await node2();
  await beat();
  await pass(8000);
  expect(vote()).toBeDefined();
  await beat();
  expect([vote(), notes.read('votes')]).toEqual([undefined, {}]);
  expect(await asks()).toBe(true);
});

test('a heartbeat that comes while the vote is being noted leaves no vote and no note behind', async () => {
  const { notes, vote, beat, pass } = await node2();
  notes.failing = true;
  await beat();
  await pass(8000);
  await beat();
  notes.failing = false;
  await pass(5000);
  expect([vote(), notes.read('votes')]).toEqual([undefined, {}]);
});

test('an agent that was restarted gives no promise where the one before it may have voted', async () => {
  const { asks, beat, voter } = await node2({ notes: new MemoryNotes({ votes: { node1: '3' } }) });
  expect(await asks()).toBe(false);
  expect((await voter.promise('node3')).granted).toBe(true);
  await beat();
  expect(await asks()).toBe(true);
});

test('it begins to count when it has first heard of the node, and votes only while it is heard itself', async () => {
  const { clock, vote, beat, pass } = await node2();
  await beat();
  await clock.pass(20_000, 50);
  expect(vote()).toBeUndefined();
  // Its own heartbeats get through again: first everybody is heard, then there are votes.
  await pass(1500);
  expect(vote()).toBeUndefined();
  await pass(1500);
  expect(vote()).toBeDefined();
});

test('a vote whose answer is lost counts as cast, and is sent again', async () => {
  const { store, vote, events, beat, pass, asks } = await node2();
  store.mishaps.push('unknown-lost');
  await beat();
  await pass(8000);
  expect(await asks()).toBe(false);
  await pass(1000);
  expect(vote()).toBeDefined();
  expect(events.said).toHaveLength(1);
});

test('a fenced node gets no promise, whoever fenced it', async () => {
  const { store, clock, beat, asks } = await node2();
  await beat();
  store.put({ [keys.nodeMembership('node1')]: { state: 'fenced', bootId: 'b1' } });
  await clock.pass(10);
  expect(await asks()).toBe(false);
});

test('a store that breaks leaves the vote undecided', async () => {
  const { store, beat, pass, asks } = await node2();
  store.transact = () => Promise.reject(new Error('broken'));
  await beat();
  await pass(9000);
  expect(await asks()).toBe(false);
});
