import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { getCluster } from '../../src/contract/cluster.ts';
import { drainNode, resumeNode } from '../../src/contract/nodes.ts';
import { labBoot, labCrash } from '../../src/lab/lab.ts';
import { type FailoverLab, PATIENCE_MS, shareLab } from './failover-lab.ts';
import { type LabCluster, until, VM } from './lab-cluster.ts';
import { SmallDisk } from './small-disk.ts';

const LAB = 'upkeep';
const OTHER = 'Database';
/** From "down" (after 3.5 s of silence) to the votes (7.5 s). */
const ABOUT_TO_VOTE_MS = 3000;
/** Longer than the others wait before they take a silent node over. */
const OUTAGE_MS = 12_000;

/** One lab for all of them, and each leaves it healthy; the one that changes a disk comes last. */
let cluster: FailoverLab;
let lab: LabCluster;

shareLab(LAB, { nodes: 3, vms: [VM, OTHER] }, (made) => {
  cluster = made;
  ({ lab } = made);
});

describe('a rolling restart', () => {
  test('of all agents: guests do not notice, and the events say that it was asked for', async () => {
    const [boots, since, processes] = [await cluster.bootsOf(), new Date(), qemus()];
    for (const node of lab.nodeNames) {
      lab.askAt(await cluster.otherThan(node));
      const before = lab.pids(node, 'agent');
      for (const pid of before) process.kill(pid, 'SIGTERM');
      await until('there is another agent', () => isAnother(lab.pids(node, 'agent'), before), PATIENCE_MS);
      await cluster.expectStory(since, [`agent-stopped ${node}`, `agent-started ${node}`]);
      await cluster.healthy();
    }
    expect(qemus()).toEqual(processes);
    expect(await cluster.bootsOf()).toEqual(boots);
    const events = await lab.events(since);
    expect(events.filter(({ kind }) => kind === 'node-fenced')).toEqual([]);
    const starts = events.filter(({ kind }) => kind === 'agent-started');
    expect(starts.map(({ critical, reason }) => [critical, reason])).toEqual(
      lab.nodeNames.map(() => [false, 'The one before it was asked to stop.']),
    );
  });

  test('of all nodes, each drained before: no guest boots anew', async () => {
    const [boots, processes] = [await cluster.bootsOf(), await cluster.firstProcesses()];
    for (const node of lab.nodeNames) {
      await drained(node);
      await labCrash(LAB, node);
      await labBoot(LAB, node);
      await until(`${node} is a member again`, () => cluster.isWhole(), PATIENCE_MS);
      await lab.ask((client) => client.call(resumeNode, { params: { name: node }, body: {} }));
      await cluster.healthy();
    }
    const after = await cluster.firstProcesses();
    expect(after.filter((pid) => processes.includes(pid))).toEqual([]);
    expect(await cluster.bootsOf()).toEqual(boots);
  });
});

describe("the store's leader is killed", () => {
  test('during a drain: all VMs leave, and no guest notices', async () => {
    const node = await lab.ownerOf();
    await cluster.gather(node);
    const boots = await cluster.bootsOf();
    await drained(node, () => killLeader());
    expect(lab.pids(node, 'qemu', VM).length + lab.pids(node, 'qemu', OTHER).length).toBe(0);
    await lab.ask((client) => client.call(resumeNode, { params: { name: node }, body: {} }));
    await cluster.healthy();
    expect(await cluster.bootsOf()).toEqual(boots);
  });

  test('during a failover, with one member gone already: the VMs are brought back all the same', async () => {
    const owner = await lab.ownerOf();
    await cluster.gather(owner);
    const since = new Date();
    lab.askAt(await cluster.otherThan(owner));
    await labCrash(LAB, owner);
    await until('it is down', async () => (await lab.stateOf(owner)) === 'down', PATIENCE_MS);
    await sleep(ABOUT_TO_VOTE_MS);
    const killed = await killLeader();
    expect(killed).not.toBe(owner);
    await Promise.all(cluster.vms.map((vm) => cluster.recovered(vm, owner)));
    await labBoot(LAB, owner);
    await cluster.healthy();
    for (const vm of cluster.vms) await cluster.expectStory(since, [`node-fenced ${owner}`, `vm-recovered ${vm}`]);
  });
});

describe('the disks of the store are full', () => {
  test('on all nodes: guests run on, the log says why nothing else does, and space mends it', async () => {
    const disks: SmallDisk[] = [];
    for (const node of lab.nodeNames) {
      disks.push(await SmallDisk.below(lab, node));
      await until(`the member on ${node} is back`, () => cluster.isWhole(), PATIENCE_MS);
    }
    const [boots, since] = [await cluster.bootsOf(), new Date()];
    const said = lab.nodeNames.map((node) => cluster.guardLog(node));
    try {
      // A member that starts again sets aside less than before: what it leaves is filled as well.
      const endAt = Date.now() + OUTAGE_MS;
      for (; Date.now() < endAt; await sleep(500)) {
        await Promise.all(disks.map((disk) => disk.fill()));
      }
      expect(await cluster.bootsOf()).toEqual(boots);
    } finally {
      await Promise.all(disks.map((disk) => disk.clear()));
    }
    await cluster.healthy();
    expect(await cluster.bootsOf()).toEqual(boots);
    const guards = lab.nodeNames.map((node) => cluster.guardLog(node));
    expect(guards, 'nobody was frozen').toEqual(said);
    // One of three may have had nothing to write since.
    const ends = async () => (await lab.events(since)).filter(({ kind }) => kind === 'store-member-ended');
    const full = async () => (await ends()).filter(({ reason }) => reason.includes('no space left on device'));
    await until('the events say why', async () => new Set((await full()).map(({ by }) => by)).size >= 2, 15_000);
  });
});

/** By node and VM. */
function qemus(): readonly (readonly number[])[] {
  return lab.nodeNames.flatMap((node) => cluster.vms.map((vm) => lab.pids(node, 'qemu', vm)));
}

/** Whoever leads it now; the name of its node. */
async function killLeader(): Promise<string> {
  let leader: string | undefined;
  const found = async () => {
    const { quorum } = await lab.ask((client) => client.call(getCluster));
    leader = quorum.members.find((member) => member.leader && member.healthy)?.name;
    return leader !== undefined;
  };
  await until('the store has a leader', found, PATIENCE_MS);
  lab.kill(leader ?? '', 'etcd');
  return leader ?? '';
}

/** Returns when the node is empty and paused. `meanwhile`: once a VM moves, or there is none to be moved. */
async function drained(node: string, meanwhile: () => Promise<unknown> = async () => undefined): Promise<void> {
  const since = new Date();
  lab.askAt(await cluster.otherThan(node));
  await lab.ask((client) => client.call(drainNode, { params: { name: node } }));
  const isDrained = async () => (await lab.events(since)).some(({ kind }) => kind === 'node-drained');
  const moves = async () => {
    const vms = await Promise.all(cluster.vms.map((vm) => lab.vm(vm)));
    return vms.some(({ migration }) => migration !== null) || (await isDrained());
  };
  await until('a VM moves', moves, PATIENCE_MS);
  await meanwhile();
  await until(`${node} is drained`, isDrained, PATIENCE_MS);
  expect(await lab.stateOf(node)).toBe('paused');
}

function isAnother(pids: readonly number[], before: readonly number[]): boolean {
  return pids.length === 1 && !before.includes(pids[0] ?? 0);
}
