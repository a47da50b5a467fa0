import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { getCluster } from '../../src/contract/cluster.ts';
import { confirmDead } from '../../src/contract/nodes.ts';
import { labBoot, labCrash } from '../../src/lab/lab.ts';
import { type FailoverLab, PATIENCE_MS, shareLab } from './failover-lab.ts';
import { type LabCluster, until, VM } from './lab-cluster.ts';

const LAB = 'two';
/** Longer than a cluster with a third vote takes to bring a VM back. */
const LONGER_THAN_TAKEOVER_MS = 11_000;

let cluster: FailoverLab;
let lab: LabCluster;

shareLab(LAB, { nodes: 2, witness: false, vms: [VM] }, (made) => {
  cluster = made;
  ({ lab } = made);
});

test('without a third vote the cluster says that it brings nothing back by itself', async () => {
  const view = await lab.ask((client) => client.call(getCluster));
  expect(view.failover).toMatchObject({ automatic: false, notes: [expect.stringContaining('without a third vote')] });
  expect(view.survival.survives).toBe(false);
  expect(view.quorum.total).toBe(1);
});

test('a VM of a node that died waits until somebody confirms that it is dead', async () => {
  const { keeper, other } = await seats();
  await cluster.gather(other);
  const since = new Date();
  lab.askAt(keeper);
  await labCrash(LAB, other);
  await until('it is down', async () => (await lab.stateOf(other)) === 'down', PATIENCE_MS);
  await sleep(LONGER_THAN_TAKEOVER_MS);
  expect([await lab.stateOf(other), await lab.ownerOf()]).toEqual(['down', other]);
  expect(lab.qemus()).toBe(0);
  await lab.ask((client) => client.call(confirmDead, { params: { name: other }, body: { confirm: other } }));
  await cluster.recovered(VM, other);
  await labBoot(LAB, other);
  await cluster.expectStory(since, [`node-silent ${other}`, `node-fenced ${other}`, `vm-recovered ${VM}`]);
});

test('a guest runs on while the node that keeps the database is away', async () => {
  const { keeper, other } = await seats();
  await cluster.gather(other);
  const boots = await cluster.bootsOf();
  lab.askAt(other);
  await labCrash(LAB, keeper);
  await sleep(LONGER_THAN_TAKEOVER_MS);
  expect(await cluster.bootsOf()).toEqual(boots);
  await labBoot(LAB, keeper);
  await cluster.healthy();
  expect(await cluster.bootsOf()).toEqual(boots);
});

/** Who keeps the database, and who does not. */
async function seats(): Promise<{ readonly keeper: string; readonly other: string }> {
  const { quorum } = await lab.ask((client) => client.call(getCluster));
  const keeper = quorum.members[0]?.name ?? '';
  return { keeper, other: lab.nodeNames.find((name) => name !== keeper) ?? '' };
}
