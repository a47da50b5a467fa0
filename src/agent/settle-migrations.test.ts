import { expect, test } from 'vitest';
import { testIntent } from '../../test/doubles/cluster-facts.ts';
import { testCluster } from '../../test/doubles/failover-cluster.ts';
import { type PeerCall, saidEvents, silentLog, testPeers } from '../../test/doubles/failover-node.ts';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { MemoryStore } from '../../test/doubles/memory-store.ts';
import type { AgentConfig } from '../model/agent-config.ts';
import { keys } from '../model/keys.ts';
import type { VmOwner, VmStatus } from '../model/vm.ts';
import type { DestinationStatus } from '../ports/peers.ts';
import { watchCluster } from './cluster-view.ts';
import { SettleMigrations } from './settle-migrations.ts';

const SILENT = 'silent';

/** node3, while Db was being migrated from node1, which is fenced, to node2, which answers so. */
async function settling(answers: (DestinationStatus | typeof SILENT)[], fenced = ['node1']) {
  const clock = new ManualClock({ sleeps: true });
  const store = new MemoryStore();
  const is = (name: string) => (fenced.includes(name) ? ('fenced' as const) : ('up' as const));
  const cluster = testCluster(
    ['node1', 'node2', 'node3'].map((name) => ({ name, is: is(name) })),
    [{ name: 'Db', on: 'node1', intent: { destination: 'node2' } }],
  );
  const entry = cluster.vms.get('Db');
  for (const [name, node] of cluster.nodes) {
    store.put({ [keys.nodeFacts(name)]: node.facts.value, [keys.nodeMembership(name)]: node.membership?.value });
    store.put({ [keys.nodeMemory(name)]: cluster.memory.get(name)?.value });
  }
  store.put({ [keys.vmRecord('Db')]: entry?.record.value, [keys.vmStatus('Db')]: entry?.status?.value });
  store.put({ [keys.vmOwner('Db')]: entry?.owner?.value });
  const epoch = (await store.get(keys.vmOwner('Db')))?.modRevision;
  store.put({ [keys.vmIntent('Db')]: { ...testIntent('Db'), epoch } });
  const view = watchCluster(store, clock);
  await view.ready();
  const [calls, events]: [PeerCall[], ReturnType<typeof saidEvents>] = [[], saidEvents()];
  const peers = testPeers(() => {
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer === SILENT) throw new Error('no answer');
    return answer;
  }, calls);
  const config = { node: 'node3', peerPort: 8441 } as AgentConfig;
  const settle = new SettleMigrations({ config, store, view, peers, events, clock, log: silentLog });
  return {
    ...{ store, calls, events },
    due: () => settle.due().map(({ record }) => record.value.definition.name),
    async once() {
      const done = settle.settle('Db');
      await clock.pass(500);
      await done;
    },
    methods: () => calls.map(({ method }) => method),
    after: () => ({
      owner: store.value<VmOwner>(keys.vmOwner('Db'))?.node,
      state: store.value<VmStatus>(keys.vmStatus('Db'))?.state,
      open: store.value(keys.vmIntent('Db')) !== undefined,
    }),
  };
}

test('a copy that is loaded, but had no GO, is discarded first; then the VM starts from its disk', async () => {
  const { once, methods, after, events, due } = await settling([
    { copy: 'loaded', mayHaveRun: false, hasGo: false },
    { copy: 'absent', mayHaveRun: false, hasGo: false },
  ]);
  expect(due()).toEqual(['Db']);
  await once();
  expect(methods()).toEqual(['destination-status', 'discard-destination']);
  expect(after()).toEqual({ owner: 'node1', state: 'running', open: true });
  await once();
  expect(after()).toEqual({ owner: 'node1', state: 'starting', open: false });
  expect(events.said.map(({ text }) => text)).toEqual([
    'The migration of Db to node2 is closed; it is started from its disk.',
  ]);
  expect(due()).toEqual([]);
});

test('a guest that runs on the destination stays there', async () => {
  const { once, after, events } = await settling([{ copy: 'running', mayHaveRun: true, hasGo: true }]);
  await once();
  expect(after()).toEqual({ owner: 'node2', state: 'running', open: false });
  expect(events.said.map(({ kind, node }) => [kind, node])).toEqual([['vm-settled', 'node2']]);
});

test('a copy that had GO and is not running yet is told again', async () => {
  const { once, methods, after } = await settling([{ copy: 'loaded', mayHaveRun: true, hasGo: true }]);
  await once();
  expect(methods()).toEqual(['destination-status', 'go']);
  expect(after().open).toBe(true);
});

test('while the destination is silent nothing is written', async () => {
  const { store, once, events } = await settling([SILENT]);
  const before = store.contents();
  await once();
  await once();
  expect(store.tried).toEqual([]);
  expect(store.contents()).toEqual(before);
  expect(events.said).toEqual([]);
});

test('with both sides fenced nobody is asked, and the VM starts from its disk', async () => {
  const { once, calls, after } = await settling([SILENT], ['node1', 'node2']);
  await once();
  expect(calls).toEqual([]);
  expect(after()).toEqual({ owner: 'node1', state: 'starting', open: false });
});

test('with a source that is not fenced there is nothing to settle here', async () => {
  expect((await settling([SILENT], ['node2'])).due()).toEqual([]);
});

test('it is said although the answer is lost, and not if somebody else was faster', async () => {
  const lost = await settling([{ copy: 'running', mayHaveRun: true, hasGo: true }]);
  lost.store.mishaps.push('unknown-applied');
  await lost.once();
  expect(lost.events.said).toHaveLength(1);
  const late = await settling([{ copy: 'running', mayHaveRun: true, hasGo: true }]);
  late.store.beforeNext = () => late.store.put({ [keys.vmIntent('Db')]: undefined });
  await late.once();
  expect(late.events.said).toEqual([]);
  expect(late.after().owner).toBe('node1');
});
