import { expect, test } from 'vitest';
import { testDefinition, testFacts, testHeartbeat, testIntent, vmEntries } from '../../test/doubles/cluster-facts.ts';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { MemoryStore } from '../../test/doubles/memory-store.ts';
import type { MigrationProgress } from '../migration/migration.ts';
import type { MigrationPhase } from '../migration/phases.ts';
import { isoDate, writeReceipt } from '../migration/write-receipt.ts';
import type { MigrationIntent } from '../model/intent.ts';
import { keys } from '../model/keys.ts';
import type { Instance } from '../ports/hypervisor.ts';
import type { AgentPorts } from './agent-ports.ts';
import { watchCluster } from './cluster-view.ts';
import { SourceMigration } from './source-migration.ts';

const OLDER: MigrationIntent = { ...testIntent('Older'), migrationId: '01A' };
const YOUNGER: MigrationIntent = { ...testIntent('WebServer'), migrationId: '01B' };
const REQUESTED_MS = Date.parse(YOUNGER.requestedAt);

interface Given {
  readonly olderIsOpen?: boolean;
  /** What QEMU says of its newest transfer. */
  readonly transfer?: { status: 'none' | 'cancelling' };
  /** In the middle of it. */
  readonly agentRestarted?: boolean;
  /** Milliseconds after the request at which the agent before had entered these phases. */
  readonly noted?: Readonly<Partial<Record<MigrationPhase, number>>>;
}

/** The source of the younger of two migrations between the same nodes. `calls`: what it has asked the destination for. */
async function younger({ olderIsOpen = false, agentRestarted = false, noted, transfer = { status: 'none' } }: Given) {
  const clock = new ManualClock({ sleeps: transfer.status === 'cancelling' });
  const store = new MemoryStore();
  const view = watchCluster(store, clock);
  await view.ready();
  let sequence = 0;
  const beat = () => {
    sequence += 1;
    const heartbeat = testHeartbeat(sequence);
    store.put({ [keys.nodeHeartbeat('node1')]: heartbeat, [keys.nodeHeartbeat('node2')]: heartbeat });
  };
  store.put({
    ...{ [keys.nodeFacts('node1')]: testFacts('node1'), [keys.nodeFacts('node2')]: testFacts('node2') },
    ...{ ...vmEntries('Older', 'running'), ...vmEntries('WebServer', 'running') },
    ...(olderIsOpen && { [keys.vmIntent('Older')]: OLDER }),
    [keys.vmIntent('WebServer')]: YOUNGER,
    ...(noted !== undefined && {
      [keys.migrationProgress(YOUNGER.migrationId)]: {
        phases: Object.entries(noted).map(([name, afterMs]) => ({ name, startedAt: isoDate(REQUESTED_MS + afterMs) })),
      },
    }),
  });
  beat();
  await Promise.resolve();
  const calls: string[] = [];
  const call = async (method: string) => {
    calls.push(method);
    // Where it would listen nobody learns: the reservation is as far as this goes.
    if (method === 'prepare-destination') return await new Promise(() => undefined);
    return method === 'clock' ? { wallMs: clock.wallMs() } : {};
  };
  const instance = {
    ...{ id: 'i1', vm: 'WebServer', alive: true, subscribe: () => () => undefined },
    transfer: async () => ({ ...transfer, blockedReasons: [] }),
    runState: async () => 'running',
  } as unknown as Instance;
  const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const migration = new SourceMigration(
    {
      intent: view.current().vms.get('WebServer')?.intent ?? { value: YOUNGER, modRevision: '0' },
      ...{ definition: testDefinition('WebServer'), instance, guarded: true, agentRestarted },
    },
    { clock, store, view, log, config: {}, peers: { peer: () => ({ call }) } } as unknown as AgentPorts,
  );
  void migration.run();
  /** In steps in which the loop comes round. */
  const pass = async (ms: number) => {
    for (let passedMs = 0; passedMs < ms; passedMs += 100) {
      clock.advance(100);
      if (passedMs % 1000 === 0) beat();
      await new Promise(setImmediate);
    }
  };
  await pass(100);
  return { migration, calls, store, clock, pass };
}

test('the destination starts its QEMU while the source is still checked', async () => {
  const { calls, migration } = await younger({ olderIsOpen: false });
  expect(calls.filter((method) => method !== 'clock')).toEqual(['prepare-destination', 'ping']);
  expect(migration.state.phase).toBe('reservation');
});

test('one that waits for an older one is checked at once, and holds nothing on the destination meanwhile', async () => {
  const { calls, migration, pass } = await younger({ olderIsOpen: true });
  await pass(60_000);
  expect(calls).toContain('ping');
  expect(calls).not.toContain('prepare-destination');
  expect(migration.state.phase).toBe('pre-migration');
  expect(migration.notes.decisions.map(({ what }) => what)).toEqual(['wait']);
});

test('one that waits looks at the others once a second, and goes on when the way is free', async () => {
  const { calls, migration, store, pass } = await younger({ olderIsOpen: true });
  await pass(1000);
  store.put({ [keys.vmIntent('Older')]: undefined });
  await pass(800);
  expect(calls).not.toContain('prepare-destination');
  await pass(300);
  expect(calls).toContain('prepare-destination');
  expect(migration.notes.decisions.map(({ what }) => what)).toEqual(['wait', 'go on']);
});

test('each phase is noted in the store when it is entered', async () => {
  const { store } = await younger({});
  const { phases } = store.value<MigrationProgress>(keys.migrationProgress(YOUNGER.migrationId)) ?? {};
  expect(phases?.map(({ name }) => name)).toEqual(['pre-migration', 'reservation']);
});

test('after a restart of the agent in Reservation the receipt has each phase with its own time', async () => {
  const { migration, clock } = await younger({ agentRestarted: true, noted: { 'pre-migration': 0, reservation: 40 } });
  expect(migration.state.phase).toBe('reservation');
  migration.notes.enter('iterative-pre-copy', clock.wallMs());
  const { phases } = writeReceipt(migration.notes.measured('iterative-pre-copy', null));
  expect(phases.slice(0, 2)).toEqual([
    { name: 'pre-migration', startedAt: isoDate(REQUESTED_MS), durationMs: 40 },
    {
      ...{ name: 'reservation', startedAt: isoDate(REQUESTED_MS + 40) },
      durationMs: clock.wallMs() - REQUESTED_MS - 40,
    },
  ]);
});

test('and what was noted is kept in the store for another restart', async () => {
  const { store } = await younger({ agentRestarted: true, noted: { 'pre-migration': 0, reservation: 40 } });
  const { phases } = store.value<MigrationProgress>(keys.migrationProgress(YOUNGER.migrationId)) ?? {};
  expect(phases?.[1]).toMatchObject({ name: 'reservation', startedAt: isoDate(REQUESTED_MS + 40) });
});

test('a restarted agent for which nothing was noted goes on all the same', async () => {
  const { migration } = await younger({ agentRestarted: true });
  expect(migration.state.phase).toBe('reservation');
});

test.each([false, true])(
  'one whose QEMU still ends an earlier transfer waits for that, and holds nothing on the destination meanwhile (agent restarted: %s)',
  async (agentRestarted) => {
    const transfer: Given['transfer'] = { status: 'cancelling' };
    const { calls, migration, pass } = await younger({ transfer, agentRestarted });
    await pass(30_000);
    expect(calls.filter((method) => method !== 'clock')).toEqual([]);
    expect(migration.state.phase).toBe('pre-migration');
    expect(migration.notes.decisions.map(({ what }) => what)).toEqual(agentRestarted ? ['resume', 'wait'] : ['wait']);
    transfer.status = 'none';
    await pass(1000);
    expect(calls).toContain('prepare-destination');
  },
);
