import { expect, test } from 'vitest';
import { testFacts } from '../../test/doubles/cluster-facts.ts';
import {
  MemoryNotes,
  saidEvents,
  silentLog,
  TestGuard,
  testPeers,
  TestSlices,
} from '../../test/doubles/failover-node.ts';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { MemoryStore } from '../../test/doubles/memory-store.ts';
import type { NodeHeartbeat, NodeMembership } from '../model/authority.ts';
import { keys } from '../model/keys.ts';
import type { NodeRole } from '../model/node.ts';
import { watchCluster } from './cluster-view.ts';
import { createInstanceRegistry } from './instance-registry.ts';
import { takeStanding } from './node-standing.ts';

/** An agent that has just started on a node of three with a guard. */
async function agent({ role = 'node', found }: { role?: NodeRole; found?: NodeMembership } = {}) {
  const clock = new ManualClock({ sleeps: true });
  const store = new MemoryStore();
  for (const name of ['node1', 'node2', 'node3']) store.put({ [keys.nodeFacts(name)]: testFacts(name) });
  if (found !== undefined) store.put({ [keys.nodeMembership('node1')]: found });
  const view = watchCluster(store, clock);
  await view.ready();
  const [guard, slices, instances] = [
    role === 'node' ? new TestGuard() : null,
    new TestSlices(),
    createInstanceRegistry(),
  ];
  if (guard !== null) {
    const { extend } = guard;
    guard.extend = (untilMs) => {
      extend.call(guard, untilMs);
      void Promise.resolve().then(() => guard.is({ authorityUntilMs: untilMs }));
    };
  }
  const standing = takeStanding(
    {
      ...{ store, view, guard, slices, instances, clock, log: silentLog, events: saidEvents() },
      ...{ peers: testPeers(() => ({ granted: false, reason: '' })), notes: new MemoryNotes() },
    },
    {
      node: 'node1',
      role,
      bootId: 'b1',
      agentId: 'a1',
      admission: null,
      onReplaced: () => undefined,
      storeMembers: () => ['node1', 'node2', 'node3'],
    },
  );
  return {
    ...{ clock, store, guard, slices, standing },
    heartbeat: () => store.value<NodeHeartbeat>(keys.nodeHeartbeat('node1')),
  };
}

test('a new node becomes a member and gets authority, and others learn how it may be taken over', async () => {
  const { clock, standing, heartbeat } = await agent();
  await clock.pass(3000);
  await standing.joined;
  expect(standing.authority.holds()).toBe(true);
  expect(heartbeat()).toMatchObject({ bootId: 'b1', voters: ['node2', 'node3'], votesNeeded: 2, takeoverMs: 7500 });
});

test('disarmed, its heartbeat says that nobody takes it over, and the guard has no end', async () => {
  const { clock, store, heartbeat, guard } = await agent();
  await clock.pass(3000);
  store.put({ [keys.highAvailability]: { armed: false, since: '', by: 'admin', reason: '' } });
  await clock.pass(3000);
  expect(heartbeat()?.takeoverMs).toBeNull();
  expect(guard?.told.at(-1)).toBeNull();
});

test('a guard without a watchdog proves nothing: nobody takes the node over', async () => {
  const { clock, guard, heartbeat } = await agent();
  guard?.is({ watchdogMs: null });
  await clock.pass(3000);
  expect(heartbeat()?.takeoverMs).toBeNull();
});

test('a guard that dies leaves its watchdog armed, so the node can still be taken over by votes', async () => {
  const { clock, guard, heartbeat } = await agent();
  await clock.pass(3000);
  guard?.is(null);
  await clock.pass(1500);
  expect(heartbeat()).toMatchObject({ takeoverMs: 7500, guard: null });
});

test('a witness has nothing to take over', async () => {
  const { clock, standing, heartbeat } = await agent({ role: 'witness' });
  await clock.pass(1000);
  await standing.joined;
  expect(heartbeat()).toMatchObject({ voters: [], takeoverMs: null });
});

test('a fenced node that comes back ends its VMs, also those the guard does not know, before it is a member', async () => {
  const { clock, store, slices, standing } = await agent({
    found: {
      ...{ state: 'fenced', bootId: 'b1', since: '2026-01-01T00:00:00.000Z', reason: 'it was silent', by: 'node2' },
      evidence: { kind: 'confirmed', by: 'admin' },
    },
  });
  slices.inGroup.add('Db');
  await clock.pass(2000);
  expect(slices.highlyAvailable()).toEqual([]);
  const membership = () => store.value<NodeMembership>(keys.nodeMembership('node1'))?.state;
  expect(membership()).toBe('fenced');
  await standing.suspended.takeUp();
  await clock.pass(3000);
  expect(membership()).toBe('member');
  expect(standing.authority.holds()).toBe(true);
});

test('a promise is for who asks', async () => {
  const { standing } = await agent();
  expect((await standing.handlers.promise({ bootId: 'x' }, 'node2')).granted).toBe(true);
});
