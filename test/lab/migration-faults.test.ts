import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { labCut, labMend } from '../../src/lab/lab.ts';
import { MIGRATION_PHASES, type MigrationPhase } from '../../src/migration/phases.ts';
import { LabCluster, until } from './lab-cluster.ts';

/**
 * Phases × faults on real nodes. Whatever is killed or cut in whatever phase: afterwards one copy runs (or none, if the
 * VM's own process was killed, and the record says so), nothing is left over, and the next migration works.
 */
const FAULTS = [
  'source agent',
  'destination agent',
  'source QEMU',
  'destination QEMU',
  'etcd leader',
  'cut link',
] as const;
type Fault = (typeof FAULTS)[number];

const SHORT: readonly (readonly [MigrationPhase, Fault])[] = [
  ['reservation', 'destination agent'],
  ['iterative-pre-copy', 'source agent'],
  ['iterative-pre-copy', 'source QEMU'],
  ['iterative-pre-copy', 'etcd leader'],
  ['stop-and-copy', 'destination QEMU'],
  ['stop-and-copy', 'cut link'],
  ['commitment-and-activation', 'source agent'],
];
const ALL = MIGRATION_PHASES.flatMap(({ phase }) => FAULTS.map((fault) => [phase, fault] as const));
const selection = process.env['GODWIT_FAULTS'] === 'all' ? ALL : SHORT;

let lab: LabCluster;

beforeAll(async () => {
  lab = await LabCluster.up('faults');
  await lab.createAndStart();
});

afterAll(async () => {
  await lab.down();
});

describe('a fault in a migration', () => {
  test.each(selection)('%s: %s', async (phase, fault) => {
    const source = (await lab.vm()).owner ?? '';
    const destination = source === 'node1' ? 'node2' : 'node1';
    const from = lab.logSize(source);
    const leader = await etcdLeader();
    const id = await lab.requestMigration(destination);
    // Pre-Migration has begun with the request.
    if (phase !== 'pre-migration') await lab.phaseEntered(source, phase, { from, withinMs: 15_000 });
    await inject(fault, { source, destination, leader });

    const receipt = await lab.receipt(id, 15_000);
    expect(receipt, 'the migration is closed within 10 s of the mend').toBeDefined();
    await until('the state is settled', async () => ['running', 'failed'].includes((await lab.vm()).state), 10_000);
    const vm = await lab.vm();
    if (vm.state === 'failed') {
      expect(['source QEMU', 'destination QEMU'], `lost: ${vm.reason}`).toContain(fault);
      expect(lab.qemus()).toBe(0);
      expect(vm.reason).not.toBe('');
      await lab.start();
    } else {
      await until('one copy is left', () => lab.qemus() === 1, 10_000);
      await until('the guest answers', () => lab.guestAnswers(), 10_000);
      expect(lab.pids((await lab.vm()).owner ?? '', 'qemu')).toHaveLength(1);
    }
    await until('no tap is left over', () => lab.taps('node1').length + lab.taps('node2').length === 1, 10_000);

    const owner = (await lab.vm()).owner ?? '';
    await nodesUp();
    const next = await lab.migrate(owner === 'node1' ? 'node2' : 'node1');
    expect(next.outcome, next.reason ?? '').toBe('completed');
    const journal = JSON.parse(await lab.askGuest('journal')) as { faults: number };
    expect(journal.faults, 'no second writer, no lost line').toBe(0);
  });
});

async function inject(fault: Fault, nodes: { source: string; destination: string; leader: string }): Promise<void> {
  switch (fault) {
    case 'source agent':
      lab.kill(nodes.source, 'agent');
      return;
    case 'destination agent':
      lab.kill(nodes.destination, 'agent');
      return;
    case 'source QEMU':
      lab.kill(nodes.source, 'qemu');
      return;
    case 'destination QEMU':
      lab.kill(nodes.destination, 'qemu');
      return;
    case 'etcd leader':
      lab.kill(nodes.leader, 'etcd');
      return;
    case 'cut link':
      await labCut(lab.status.name, nodes.source);
      await sleep(4000);
      await labMend(lab.status.name, nodes.source);
      return;
  }
}

async function etcdLeader(): Promise<string> {
  const { getCluster } = await import('../../src/contract/cluster.ts');
  const cluster = await lab.ask((client) => client.call(getCluster, {}));
  return cluster.quorum.members.find(({ leader }) => leader)?.name ?? 'witness';
}

async function nodesUp(): Promise<void> {
  const { listNodes } = await import('../../src/contract/cluster.ts');
  await until(
    'all nodes are up',
    async () => (await lab.ask((client) => client.call(listNodes, {}))).every(({ state }) => state === 'up'),
    15_000,
  );
}
