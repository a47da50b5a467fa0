import { afterAll, beforeAll, expect, test } from 'vitest';
import { getCluster } from '../../src/contract/cluster.ts';
import { labBoot, labCrash } from '../../src/lab/lab.ts';
import { FailoverLab, PATIENCE_MS } from './failover-lab.ts';
import { type LabCluster, until, VM } from './lab-cluster.ts';

const LAB = 'seats';
const OTHER = 'Database';
/** The fewest nodes of which five have a seat in the store; with five, three have one, and two votes are enough. */
const LARGE = { nodes: 7, seats: 5 };
const SMALL = { nodes: 5, seats: 3 };
const size = process.env['GODWIT_FAULTS'] === 'all' ? LARGE : SMALL;

let cluster: FailoverLab;
let lab: LabCluster;

beforeAll(async () => {
  cluster = await FailoverLab.up(LAB, { nodes: size.nodes, vms: [VM, OTHER] });
  ({ lab } = cluster);
});

afterAll(async () => {
  await cluster?.down();
});

test(`${size.nodes} nodes, ${size.seats} seats: the loss of two nodes, one after the other`, async () => {
  await until('the seats are taken', async () => (await seats()).length === size.seats, PATIENCE_MS);
  await cluster.healthy();
  const nodes = await nodesToLose();
  const [first = '', second = ''] = nodes;
  await moveTo(first, VM);
  await moveTo(second, OTHER);
  const since = new Date();
  lab.askAt(await cluster.otherThan(...nodes));
  for (const node of nodes) {
    const owned = await vmsOn(node);
    expect(owned.length).toBeGreaterThan(0);
    await labCrash(LAB, node);
    await Promise.all(owned.map((vm) => cluster.recovered(vm, node)));
  }
  const { quorum } = await lab.ask((client) => client.call(getCluster));
  const healthy = size === LARGE ? size.seats - 2 : size.seats - 1;
  expect(quorum).toMatchObject({ held: true, healthy, total: size.seats });
  for (const node of nodes) await labBoot(LAB, node);
  await cluster.healthy();
  await cluster.checkCopies();
  await cluster.expectStory(since, [
    ...([`node-fenced ${first}`, `vm-recovered ${VM}`] as const),
    ...([`node-fenced ${second}`, `vm-recovered ${OTHER}`] as const),
  ]);
});

/** As many that have a seat as the store can lose. */
async function nodesToLose(): Promise<string[]> {
  const taken = await seats();
  const having = lab.nodeNames.filter((name) => taken.includes(name));
  const others = lab.nodeNames.filter((name) => !taken.includes(name));
  return size === LARGE ? having.slice(0, 2) : [...having.slice(0, 1), ...others.slice(0, 1)];
}

/** Whose node has a seat in the store. */
async function seats(): Promise<string[]> {
  const { quorum } = await lab.ask((client) => client.call(getCluster));
  return quorum.members.flatMap(({ name, healthy }) => (healthy ? [name] : []));
}

async function vmsOn(node: string): Promise<string[]> {
  const owners = await Promise.all(cluster.vms.map(async (vm) => ({ vm, owner: await lab.ownerOf(vm) })));
  return owners.flatMap(({ vm, owner }) => (owner === node ? [vm] : []));
}

async function moveTo(node: string, vm: string): Promise<void> {
  if ((await lab.ownerOf(vm)) === node) return;
  expect((await lab.migrate(node, vm)).outcome).toBe('completed');
}
