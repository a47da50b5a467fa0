import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { armCluster, disarmCluster } from '../../src/contract/availability.ts';
import { getCluster } from '../../src/contract/cluster.ts';
import { cancelDrain, confirmDead, drainNode, resumeNode } from '../../src/contract/nodes.ts';
import { changeVm } from '../../src/contract/vms.ts';
import { labBoot, labCrash, labCut, labFreeze, labMend } from '../../src/lab/lab.ts';
import { type FailoverLab, followTicker, PATIENCE_MS, shareLab } from './failover-lab.ts';
import { type LabCluster, until, VM } from './lab-cluster.ts';

const LAB = 'failover';
const OTHER = 'Database';
/** Longer than the others wait before they take a silent node over. */
const LONGER_THAN_TAKEOVER_MS = 11_000;
const SHORTER_THAN_TAKEOVER_MS = 5000;
const OUTAGE_MS = 20_000;
const LOAD = 'load start 64 20';

/**
 * One lab for all of them, and each leaves it healthy. Those that fence a node come last: a node that has failed three times in an hour
 * gets no VM for a while.
 */
let cluster: FailoverLab;
let lab: LabCluster;

shareLab(LAB, { nodes: 3, vms: [VM, OTHER] }, (made) => {
  cluster = made;
  ({ lab } = made);
});

describe('what is no reason for a failover', () => {
  test('an agent that is killed: its guests do not notice', async () => {
    const owner = await lab.ownerOf();
    const [boots, pids, said] = [await cluster.bootsOf(), lab.pids(owner, 'qemu'), cluster.guardLog(owner)];
    const before = lab.pids(owner, 'agent');
    lab.kill(owner, 'agent');
    await until('there is another agent', () => isAnother(lab.pids(owner, 'agent'), before), PATIENCE_MS);
    await cluster.healthy();
    expect(lab.pids(owner, 'qemu')).toEqual(pids);
    expect(await cluster.bootsOf()).toEqual(boots);
    expect(cluster.guardLog(owner), 'the guard has had nothing to say').toBe(said);
  });

  test('a cluster network that is cut at the owner: the voters still hear it on the other one, and wait', async () => {
    const owner = await lab.ownerOf();
    const [boots, since] = [await cluster.bootsOf(), new Date()];
    lab.askAt(await cluster.otherThan(owner));
    await labCut(LAB, owner, { network: 'cluster' });
    try {
      await until('it is isolated', async () => (await lab.stateOf(owner)) === 'isolated', PATIENCE_MS);
      await sleep(LONGER_THAN_TAKEOVER_MS);
      expect(await lab.stateOf(owner)).toBe('isolated');
      expect(await cluster.bootsOf()).toEqual(boots);
      expect(await lab.ownerOf()).toBe(owner);
    } finally {
      await labMend(LAB, owner, 'cluster');
    }
    await cluster.healthy();
    expect(await cluster.bootsOf()).toEqual(boots);
    await cluster.expectStory(since, [`node-silent ${owner}`, `node-back ${owner}`]);
  });

  test('a short cut of everything, and then an outage of all networks: guests stand still and go on', async () => {
    const owner = await lab.ownerOf();
    const [boots, processes] = [await cluster.bootsOf(), await cluster.firstProcesses()];
    lab.askAt(await cluster.otherThan(owner));
    await cutAll([owner], SHORTER_THAN_TAKEOVER_MS);
    await cluster.healthy();
    expect(await cluster.bootsOf()).toEqual(boots);
    await cutAll([...lab.nodeNames, 'witness'], OUTAGE_MS);
    await cluster.healthy();
    expect(await cluster.bootsOf()).toEqual(boots);
    expect(await cluster.firstProcesses(), 'no node was reset').toEqual(processes);
    expect(await lab.ownerOf()).toBe(owner);
  });

  test('a store that hangs as a whole: the guests do not notice', async () => {
    const [boots, said] = [await cluster.bootsOf(), lab.nodeNames.map((node) => cluster.guardLog(node))];
    const members = [...lab.nodeNames, 'witness'].flatMap((machine) => lab.pids(machine, 'etcd'));
    expect(members.length).toBeGreaterThan(0);
    for (const pid of members) process.kill(pid, 'SIGSTOP');
    try {
      await sleep(OUTAGE_MS / 2);
      expect(await cluster.bootsOf()).toEqual(boots);
      await sleep(OUTAGE_MS / 2);
    } finally {
      for (const pid of members) process.kill(pid, 'SIGCONT');
    }
    await cluster.healthy();
    expect(await cluster.bootsOf()).toEqual(boots);
    expect(
      lab.nodeNames.map((node) => cluster.guardLog(node)),
      'nobody was frozen',
    ).toEqual(said);
  });
});

describe('a drain', () => {
  test('moves all VMs away, although the agent that sees to it is killed; connections stay', async () => {
    // The first of the nodes by name sees to it.
    const [first = '', node = ''] = lab.nodeNames;
    await cluster.gather(node);
    const [boots, since] = [await cluster.bootsOf(), new Date()];
    const ticker = await followTicker(lab);
    lab.askAt(lab.nodeNames[2] ?? '');
    await lab.ask((client) => client.call(drainNode, { params: { name: node } }));
    await until('the first VM moves', async () => (await moving()) > 0, PATIENCE_MS);
    lab.kill(first, 'agent');
    await until('it is drained', async () => (await lab.events(since)).some(isDrained), PATIENCE_MS);
    expect(lab.pids(node, 'qemu', VM).length + lab.pids(node, 'qemu', OTHER).length).toBe(0);
    expect(await lab.stateOf(node)).toBe('paused');
    await lab.ask((client) => client.call(resumeNode, { params: { name: node }, body: {} }));
    await cluster.healthy();
    expect(await cluster.bootsOf()).toEqual(boots);
    expect(await ticker.end()).toMatchObject({ missing: 0, broken: null });
  });

  test('can be cancelled: what has not left stays', async () => {
    const [, node = ''] = lab.nodeNames;
    await cluster.gather(node);
    const boots = await cluster.bootsOf();
    await allowOn(OTHER, [node]);
    await lab.ask((client) => client.call(drainNode, { params: { name: node } }));
    await until(`${VM} has left`, async () => (await lab.ownerOf()) !== node && (await moving()) === 0, PATIENCE_MS);
    await lab.ask((client) => client.call(cancelDrain, { params: { name: node } }));
    // Now nothing but the cancelled drain could move it.
    await allowOn(OTHER, []);
    const owners = await Promise.all(cluster.vms.map((vm) => lab.ownerOf(vm)));
    expect(await lab.stateOf(node)).toBe('paused');
    await sleep(3000);
    expect(await Promise.all(cluster.vms.map((vm) => lab.ownerOf(vm)))).toEqual(owners);
    expect(owners).toContain(node);
    await lab.ask((client) => client.call(resumeNode, { params: { name: node }, body: {} }));
    await cluster.healthy();
    expect(await cluster.bootsOf()).toEqual(boots);
  });
});

describe('a node that is lost', () => {
  test('crash: its VMs run elsewhere, the events tell it, the node comes back', async () => {
    const owner = await lab.ownerOf();
    await cluster.gather(owner);
    const [boots, since] = [await cluster.bootsOf(), new Date()];
    lab.askAt(await cluster.otherThan(owner));
    await labCrash(LAB, owner);
    await Promise.all(cluster.vms.map((vm) => cluster.recovered(vm, owner)));
    await labBoot(LAB, owner);
    await cluster.healthy();
    for (const boot of await cluster.bootsOf()) expect(boots).not.toContain(boot);
    const fenced = [`node-silent ${owner}`, `voted ${owner}`, `node-fenced ${owner}`] as const;
    for (const vm of cluster.vms) await cluster.expectStory(since, [...fenced, `vm-recovered ${vm}`]);
    await cluster.expectStory(since, [...fenced, `node-rejoined ${owner}`]);
  });

  test('cut from everything: its copy stands still while another one runs, and never runs again', async () => {
    const owner = await lab.ownerOf();
    const since = new Date();
    lab.askAt(await cluster.otherThan(owner));
    await labCut(LAB, owner);
    try {
      await cluster.recovered(VM, owner);
      expect(await cluster.vmsStandStill(owner)).toBe(true);
      expect(lab.pids(owner, 'qemu'), 'it is still there').toHaveLength(1);
    } finally {
      await labMend(LAB, owner);
    }
    await until('its copy is ended', () => lab.pids(owner, 'qemu').length === 0, PATIENCE_MS);
    await cluster.healthy();
    expect(await lab.ownerOf()).not.toBe(owner);
    await cluster.expectStory(since, [`node-fenced ${owner}`, `vm-recovered ${VM}`, `node-rejoined ${owner}`]);
    expect((await lab.events(since)).map(({ kind, by }) => `${kind} by ${by}`)).toContain(
      `authority-ended by ${owner}`,
    );
  });

  test.each(['guard killed', 'hangs'])('%s: the watchdog resets it, and the VM is back', async (what) => {
    const owner = await lab.ownerOf();
    const [boot, resets] = [await lab.bootOf(), cluster.resets(owner)];
    lab.askAt(await cluster.otherThan(owner));
    if (what === 'hangs') await labFreeze(LAB, owner);
    else lab.kill(owner, 'guard');
    await until('it is reset', () => cluster.resets(owner) === resets + 1, PATIENCE_MS);
    await until(
      'the guest has booted anew',
      async () => isOther(await lab.bootOf().catch(() => ''), boot),
      PATIENCE_MS,
    );
  });
});

describe('a node that is lost in a migration', () => {
  test.each(['source', 'destination'] as const)('the %s, while memory is copied', async (which) => {
    const source = await lab.ownerOf();
    const destination = await cluster.otherThan(source);
    const lost = which === 'source' ? source : destination;
    const boot = await lab.bootOf();
    await lab.askGuest(LOAD);
    lab.askAt(which === 'source' ? destination : source);
    const from = lab.logSize(source);
    const id = await lab.requestMigration(destination);
    expect(await lab.phaseEntered(source, 'iterative-pre-copy', { from, withinMs: 15_000 })).toBe(true);
    await labCrash(LAB, lost);
    if (which === 'source') await cluster.recovered(VM, source);
    const receipt = await lab.receipt(id, PATIENCE_MS);
    expect(receipt?.outcome).not.toBe('completed');
    await labBoot(LAB, lost);
    await cluster.healthy();
    if (which === 'destination') {
      expect(await lab.ownerOf()).toBe(source);
      expect(await lab.bootOf()).toBe(boot);
    }
    await lab.askGuest('load stop');
  });

  test('the source, when the destination has just been told to go on', async () => {
    const source = await lab.ownerOf();
    const destination = await cluster.otherThan(source);
    const boot = await lab.bootOf();
    lab.askAt(destination);
    const from = lab.logSize(source);
    const id = await lab.requestMigration(destination);
    expect(await lab.phaseEntered(source, 'commitment-and-activation', { from, withinMs: 30_000 })).toBe(true);
    await labCrash(LAB, source);
    const receipt = await lab.receipt(id, PATIENCE_MS);
    await cluster.recovered(VM, source);
    await labBoot(LAB, source);
    await cluster.healthy();
    if (receipt?.outcome === 'completed') expect(await lab.bootOf()).toBe(boot);
    console.log(`the migration is ${receipt?.outcome ?? 'open'}: ${receipt?.reason ?? ''}`);
  });
});

describe('a destination that is cut off just after it was told to go on', () => {
  test('its agent is restarted while the copy stands still: the copy goes on where it stood', async () => {
    const source = await lab.ownerOf();
    const destination = await cluster.otherThan(source);
    const [boot, since] = [await lab.bootOf(), new Date()];
    lab.askAt(source);
    const from = lab.logSize(source);
    await lab.requestMigration(destination);
    expect(await lab.phaseEntered(source, 'commitment-and-activation', { from, withinMs: 30_000 })).toBe(true);
    // Nobody records the arrival, so the new agent has to find out from the copy itself that it had been told.
    lab.kill(source, 'agent');
    await labCut(LAB, destination);
    try {
      await until('its copy stands still', () => cluster.vmsStandStill(destination), PATIENCE_MS);
      lab.kill(destination, 'agent');
    } finally {
      await labMend(LAB, destination);
    }
    await cluster.healthy();
    // On a busy machine the others may have been faster.
    if ((await lab.events(since)).some(({ kind }) => kind === 'node-fenced')) return;
    expect(await lab.ownerOf()).toBe(destination);
    expect(await lab.bootOf()).toBe(boot);
  });
});

describe('a disarmed cluster', () => {
  test('takes nothing over until somebody confirms that the node is dead', async () => {
    const owner = await lab.ownerOf();
    lab.askAt(await cluster.otherThan(owner));
    await lab.ask((client) => client.call(disarmCluster, { body: { reason: 'work on the switch' } }));
    await until('the nodes know', async () => (await takeoverOf(owner)) === null, PATIENCE_MS);
    await labCrash(LAB, owner);
    await until('it is down', async () => (await lab.stateOf(owner)) === 'down', PATIENCE_MS);
    await sleep(LONGER_THAN_TAKEOVER_MS);
    expect(await lab.stateOf(owner)).toBe('down');
    expect(await lab.ownerOf()).toBe(owner);
    const confirm = (name: string) =>
      lab.ask((client) => client.call(confirmDead, { params: { name: owner }, body: { confirm: name } }));
    await expect(confirm('node9')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(await lab.ownerOf()).toBe(owner);
    await confirm(owner);
    await cluster.recovered(VM, owner);
    await lab.ask((client) => client.call(armCluster));
    await labBoot(LAB, owner);
  });
});

async function takeoverOf(node: string): Promise<number | null | undefined> {
  const { fencing } = await lab.ask((client) => client.call(getCluster));
  return fencing.find((entry) => entry.node === node)?.takeoverMs;
}

async function cutAll(machines: readonly string[], ms: number): Promise<void> {
  for (const machine of machines) await labCut(LAB, machine);
  try {
    await sleep(ms);
  } finally {
    for (const machine of machines) await labMend(LAB, machine);
  }
}

/** Empty: on every node. */
async function allowOn(name: string, possibleOwners: string[]): Promise<void> {
  await lab.ask((client) => client.call(changeVm, { params: { name }, body: { possibleOwners } }));
}

async function moving(): Promise<number> {
  const vms = await Promise.all(cluster.vms.map((vm) => lab.vm(vm)));
  return vms.filter(({ migration }) => migration !== null).length;
}

function isDrained({ kind }: { readonly kind: string }): boolean {
  return kind === 'node-drained';
}

function isAnother(pids: readonly number[], before: readonly number[]): boolean {
  return pids.length === 1 && !before.includes(pids[0] ?? 0);
}

function isOther(boot: string, before: string): boolean {
  return boot !== '' && boot !== before;
}
