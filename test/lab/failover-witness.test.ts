import { afterAll, beforeAll, expect, test } from 'vitest';
import { saveVm as save } from '../../src/contract/vms.ts';
import { labBoot, labCrash } from '../../src/lab/lab.ts';
import { FailoverLab, PATIENCE_MS } from './failover-lab.ts';
import { type LabCluster, until, VM } from './lab-cluster.ts';

const LAB = 'witnessed';

let cluster: FailoverLab;
let lab: LabCluster;

beforeAll(async () => {
  cluster = await FailoverLab.up(LAB, { nodes: 2, vms: [VM] });
  ({ lab } = cluster);
});

afterAll(async () => {
  await cluster?.down();
});

test('two nodes and a witness: the VM of a crashed node runs on the other one', async () => {
  const owner = await lab.ownerOf();
  const since = new Date();
  lab.askAt(await cluster.otherThan(owner));
  await labCrash(LAB, owner);
  await cluster.recovered(VM, owner);
  await labBoot(LAB, owner);
  await cluster.healthy();
  await cluster.checkCopies();
  const voters = (await lab.events(since)).flatMap(({ kind, by }) => (kind === 'voted' ? [by] : []));
  expect(voters).toContain('witness');
  await cluster.expectStory(since, [`voted ${owner}`, `node-fenced ${owner}`, `vm-recovered ${VM}`]);
});

test('a QEMU that ends is started again where it was, and the next time elsewhere', async () => {
  await cluster.healthy();
  const [owner, boot] = [await lab.ownerOf(), await lab.bootOf()];
  lab.kill(owner, 'qemu');
  await until('the guest has booted anew', () => hasBooted(boot), PATIENCE_MS);
  expect(await lab.ownerOf()).toBe(owner);
  lab.kill(owner, 'qemu');
  await cluster.recovered(VM, owner);
  await cluster.healthy();
  await cluster.checkCopies();
});

test('a guest that is saved goes on where it stood: on its node, and on the other one when that has died', async () => {
  await cluster.healthy();
  const [owner, boot] = [await lab.ownerOf(), await lab.bootOf()];
  await saveVm();
  await lab.start();
  expect([await lab.ownerOf(), await lab.bootOf()]).toEqual([owner, boot]);
  await saveVm();
  lab.askAt(await cluster.otherThan(owner));
  await labCrash(LAB, owner);
  await until('it is fenced', async () => (await lab.stateOf(owner)) === 'fenced', PATIENCE_MS);
  expect((await lab.vm()).state).toBe('saved');
  await lab.start();
  expect(await lab.ownerOf()).not.toBe(owner);
  expect(await lab.bootOf()).toBe(boot);
  expect((await lab.vm()).saved).toBeNull();
  await labBoot(LAB, owner);
  await cluster.healthy();
  await cluster.checkCopies();
});

async function saveVm(): Promise<void> {
  await lab.ask((client) => client.call(save, { params: { name: VM } }));
  await until('it is saved', async () => (await lab.vm()).state === 'saved', PATIENCE_MS);
  await until('its QEMU has ended', () => lab.qemus() === 0, PATIENCE_MS);
}

async function hasBooted(before: string): Promise<boolean> {
  const boot = await lab.bootOf().catch(() => before);
  return boot !== before;
}
