import { expect, test } from 'vitest';
import { testHeartbeat } from '../../test/doubles/cluster-facts.ts';
import { testCluster, type TestNode, type TestVm } from '../../test/doubles/failover-cluster.ts';
import { saidEvents, silentLog, TestAuthority, testPeers } from '../../test/doubles/failover-node.ts';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { MemoryStore } from '../../test/doubles/memory-store.ts';
import type { NodeMembership } from '../model/authority.ts';
import { keys } from '../model/keys.ts';
import type { VmOwner } from '../model/vm.ts';
import type { PowerState } from '../ports/fence.ts';
import type { AgentPorts } from './agent-ports.ts';
import { watchCluster } from './cluster-view.ts';
import { Coordinator } from './coordinator.ts';

const TERMS = { voters: ['node1', 'node2'], votesNeeded: 2, takeoverMs: 7500 };

interface Setting {
  readonly own?: string;
  readonly nodes?: readonly TestNode[];
  readonly vms?: readonly TestVm[];
  readonly power?: { readonly state: PowerState; readonly reason: string };
  readonly put?: Record<string, unknown>;
}

/** The coordinator of one of three nodes, of which all but the silent ones send heartbeats. */
async function cluster({ own = 'node1', nodes = [], vms = [], power, put = {} }: Setting = {}) {
  const clock = new ManualClock({ sleeps: true });
  const store = new MemoryStore();
  const named = (name: string) => nodes.find((node) => node.name === name) ?? { name };
  const state = testCluster(['node1', 'node2', 'node3'].map(named), vms);
  for (const [name, { facts, membership, service }] of state.nodes) {
    store.put({
      ...{ [keys.nodeFacts(name)]: facts.value, [keys.nodeMembership(name)]: membership?.value },
      ...{ [keys.nodeMemory(name)]: state.memory.get(name)?.value },
      ...(service !== null && { [keys.nodeService(name)]: service.value }),
      [keys.nodeHeartbeat(name)]: { ...testHeartbeat(1), ...TERMS },
    });
  }
  for (const [vm, entry] of state.vms) {
    store.put({ [keys.vmRecord(vm)]: entry.record.value, [keys.vmOwner(vm)]: entry.owner?.value });
    store.put({ [keys.vmStatus(vm)]: entry.status?.value });
    if (entry.intent !== null) store.put({ [keys.vmIntent(vm)]: entry.intent.value });
  }
  store.put(put);
  const view = watchCluster(store, clock);
  await view.ready();
  const [authority, events] = [new TestAuthority(), saidEvents()];
  const asked: string[] = [];
  const fence = {
    async powerOff(node: string) {
      asked.push(node);
      await clock.sleep(500);
      return power ?? { state: 'unknown', reason: 'no answer' };
    },
  };
  let migrations = 0;
  const ids = { migrationId: () => `01M${(migrations += 1)}` };
  const config = { node: own, peerPort: 8441, migration: { tls: false } };
  const coordinator = new Coordinator({
    ...{ config, store, view, authority, events, fence, ids, clock, log: silentLog, peers: testPeers(() => undefined) },
  } as unknown as AgentPorts);
  coordinator.start();
  const silent = new Set(nodes.flatMap(({ name, is = 'up' }) => (is === 'up' ? [] : [name])));
  let sequence = 1;
  return {
    ...{ clock, store, authority, events, asked, silent },
    async pass(ms: number) {
      for (let passedMs = 0; passedMs < ms; passedMs += 250) {
        sequence += 1;
        for (const name of state.nodes.keys()) {
          if (!silent.has(name)) store.put({ [keys.nodeHeartbeat(name)]: { ...testHeartbeat(sequence), ...TERMS } });
        }
        await clock.pass(250, 50);
      }
    },
    async vote(voters: readonly string[] = TERMS.voters) {
      const heartbeatRevision = (await store.get(keys.nodeHeartbeat('node3')))?.modRevision;
      for (const voter of voters) {
        store.put({ [keys.vote('node3', voter)]: { heartbeatRevision, voterBootId: 'b', at: '' } });
      }
    },
    membership: () => store.value<NodeMembership>(keys.nodeMembership('node3')),
    said: (kind: string) => events.said.filter((event) => event.kind === kind),
    takeovers: () => store.tried.filter(({ write }) => written(write).includes(keys.nodeMembership('node3'))).length,
  };
}

function written(write: readonly ({ readonly put: string } | { readonly delete: string })[]): string[] {
  return write.map((one) => ('put' in one ? one.put : one.delete));
}

const GONE: TestNode = { name: 'node3', is: 'silent' };
const DB: TestVm = { name: 'Db', on: 'node3' };

test('with the votes the node is taken over by one transaction, and its VM gets another owner', async () => {
  const { pass, vote, membership, said, takeovers, store } = await cluster({ nodes: [GONE], vms: [DB] });
  await pass(8000);
  expect(membership()?.state).toBe('member');
  await vote();
  await pass(1000);
  expect(membership()).toMatchObject({ state: 'fenced', by: 'node1' });
  expect(takeovers()).toBe(1);
  expect(said('node-silent')).toHaveLength(1);
  expect(said('node-fenced')).toHaveLength(1);
  expect(store.value<VmOwner>(keys.vmOwner('Db'))?.node).not.toBe('node3');
  expect(said('vm-recovered')).toHaveLength(1);
});

test('too few votes take nothing over', async () => {
  const { pass, vote, membership } = await cluster({ nodes: [GONE] });
  await pass(8000);
  await vote(['node1']);
  await pass(5000);
  expect(membership()?.state).toBe('member');
});

test('the second in rank leaves it to the first for a while, and then does it', async () => {
  const { pass, vote, membership, said } = await cluster({ own: 'node2', nodes: [GONE] });
  await pass(8000);
  await vote();
  await pass(1500);
  expect(membership()?.state).toBe('member');
  await pass(1000);
  expect(membership()).toMatchObject({ state: 'fenced', by: 'node2' });
  expect(said('node-silent')).toEqual([]);
});

test('the return of the first node is told by the one that told its silence', async () => {
  const { pass, said, silent } = await cluster({ own: 'node2', nodes: [{ name: 'node1', is: 'silent' }] });
  await pass(8000);
  expect(said('node-silent')).toHaveLength(1);
  silent.delete('node1');
  await pass(2000);
  expect(said('node-back')).toMatchObject([{ node: 'node1' }]);
});

test('an agent whose own heartbeats are not taken does nothing, and begins anew when they are', async () => {
  const { pass, vote, membership, authority } = await cluster({ own: 'node2', nodes: [GONE] });
  await pass(8000);
  await vote();
  await pass(1000);
  authority.heard = false;
  await pass(10_000);
  expect(membership()?.state).toBe('member');
  authority.heard = true;
  // Steady for 2 s, then the turn of its rank.
  await pass(3500);
  expect(membership()?.state).toBe('member');
  await pass(1500);
  expect(membership()?.state).toBe('fenced');
});

test('nor does one whose view is silent', async () => {
  const { pass, vote, membership, store, clock } = await cluster({ nodes: [GONE] });
  await pass(8000);
  await vote();
  store.setQuorum(false);
  await clock.pass(10_000, 50);
  expect(store.tried).toEqual([]);
  expect(membership()?.state).toBe('member');
});

test('what was done is said although the answer is lost', async () => {
  const { pass, vote, store, said, takeovers } = await cluster({ nodes: [GONE] });
  await pass(8000);
  store.mishaps.push('unknown-applied');
  await vote();
  await pass(2000);
  expect(takeovers()).toBe(1);
  expect(said('node-fenced')).toHaveLength(1);
});

test('what was not done is not said: it was heard at the last moment, or the transaction was lost', async () => {
  const { pass, vote, store, said, membership, silent } = await cluster({ nodes: [GONE] });
  await pass(8000);
  store.mishaps.push('unknown-lost');
  await vote();
  store.beforeNext = () => {
    silent.delete('node3');
    store.put({ [keys.nodeHeartbeat('node3')]: { ...testHeartbeat(99), ...TERMS } });
  };
  await pass(5000);
  expect(said('node-fenced')).toEqual([]);
  expect(membership()?.state).toBe('member');
  expect(said('node-back')).toHaveLength(1);
});

const FENCING = { [keys.nodeFencing('node3')]: { agent: 'fence_ipmilan', options: {} } };

test('a node whose power is off for certain is taken over without votes', async () => {
  const { pass, membership, said, asked } = await cluster({
    ...{ nodes: [GONE], put: FENCING, power: { state: 'off', reason: '' } },
  });
  await pass(6000);
  expect(asked).toEqual(['node3']);
  expect(membership()).toMatchObject({ state: 'fenced', evidence: { kind: 'power-off', agent: 'fence_ipmilan' } });
  expect(said('fencing-tried').map(({ critical }) => critical)).toEqual([false]);
});

test('a power that could not be switched off is said with the reason, and asked for again later', async () => {
  const { pass, membership, said, asked } = await cluster({
    ...{ nodes: [GONE], put: FENCING, power: { state: 'on', reason: 'Login failed' } },
  });
  await pass(10_000);
  expect(asked).toEqual(['node3']);
  expect(said('fencing-tried')).toMatchObject([{ critical: true, node: 'node3', reason: 'Login failed' }]);
  expect(membership()?.state).toBe('member');
  await pass(30_000);
  expect(asked).toEqual(['node3', 'node3']);
});

test('disarmed, nothing is asked for and nothing taken over', async () => {
  const { pass, vote, membership, asked } = await cluster({
    nodes: [GONE],
    put: { ...FENCING, [keys.highAvailability]: { armed: false, since: '', by: 'admin', reason: '' } },
  });
  await pass(8000);
  await vote();
  await pass(5000);
  expect([membership()?.state, asked]).toEqual(['member', []]);
});

const DRAINING: TestNode = {
  name: 'node3',
  service: {
    ...{ mode: 'draining', since: '2026-01-01T00:00:00.000Z', by: 'admin' },
    drain: { id: 'd', requestedAt: '2026-01-01T00:00:00.000Z', vms: ['Db'], failures: {} },
  },
};

test('the VMs of a drained node are migrated, each once', async () => {
  const { pass, store, said } = await cluster({ nodes: [DRAINING], vms: [DB] });
  await pass(4000);
  expect(store.value(keys.vmIntent('Db'))).toMatchObject({ source: 'node3', migrationId: '01M1' });
  expect(said('vm-moved')).toMatchObject([{ vm: 'Db', text: expect.stringContaining('is live-migrated to') }]);
});

test('a drain widens the budget of a VM as far as the VM allows it, and not that of others', async () => {
  const service = { ...DRAINING.service, drain: { ...DRAINING.service?.drain, vms: ['Db', 'Web'] } };
  const { pass, store } = await cluster({
    nodes: [{ ...DRAINING, service: service as TestNode['service'] & object }],
    vms: [
      { ...DB, record: { budgetMs: 30, budgetMaxMs: 200 } },
      { name: 'Web', on: 'node3' },
    ],
  });
  await pass(8000);
  expect(store.value(keys.vmIntent('Db'))).toMatchObject({ budgetMs: 30, budgetMaxMs: 200 });
  expect(store.value(keys.vmIntent('Web'))).toMatchObject({ budgetMs: 50, budgetMaxMs: 50 });
});

test.each([
  ['node1', 1],
  ['node2', 0],
])('a drain that is blocked is said once, by the first in rank only (%s)', async (own, times) => {
  const { pass, said } = await cluster({ own, nodes: [DRAINING], vms: [{ ...DB, state: 'paused' }] });
  await pass(12_000);
  expect(said('drain-blocked')).toHaveLength(times);
});

test('a record that nobody understands stops nothing else, least of all the agent', async () => {
  const { pass, clock, store, vote, membership } = await cluster({ nodes: [GONE] });
  store.put({ [keys.nodeService('node2')]: { mode: 'draining', drain: { vms: 7 } } });
  store.put({ [keys.vmRecord('Bad')]: {}, [keys.vmOwner('Bad')]: { node: 'node2' } });
  await pass(8000);
  await vote();
  await clock.pass(1000, 50);
  store.put({ [keys.nodeService('node2')]: undefined, [keys.vmRecord('Bad')]: undefined });
  store.put({ [keys.vmOwner('Bad')]: undefined });
  await pass(2000);
  expect(membership()?.state).toBe('fenced');
});
