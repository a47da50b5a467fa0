import { AUTHORITY_MS } from '../src/model/authority.ts';
import { keys } from '../src/model/keys.ts';
import { type NodeMemory, withAllocation } from '../src/model/node.ts';
import { firstStatus, recordOf } from './facts.ts';
import type { ClusterPlan, VmPlan } from './cluster-plan.ts';
import { PRODUCTION, type Protocol } from './protocol.ts';
import { heartbeatsPerSecond, lossName, nodeNames, vmsOn } from './scale-cluster.ts';
import { World } from './world.ts';

/** Until all are members, and until the VMs are known everywhere. */
const FILL_AT_MS = 8000;
const LOSE_AT_MS = 20_000;
const GIVE_UP_MS = 120_000;
const WINDOW_MS = 1000;
/** Those further back in rank would decide the same and not act; they follow the store, beat and start VMs as ever. */
const LOOK_AFTER_IT = 3;

interface Row {
  readonly lost: string;
  readonly vms: number;
  readonly fencedMs: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly longestDecisionMs: number;
  readonly allDecisionsMs: number;
  readonly calmWrites: number;
  readonly writes: number;
  readonly peakWrites: number;
  readonly memoryMiB: number;
  readonly tookS: number;
  readonly violation: string;
}

/** A whole large cluster in virtual time, in which one node and then a rack lose power. Printed as a table. */
export function printWorld(nodes: number, vms: number): void {
  console.log('| lost | VMs | all fenced | first VM runs | all run | longest decision | all decisions of one agent |');
  console.log('|---|---:|---:|---:|---:|---:|---:|');
  const rows = [lose(nodes, vms, 1), lose(nodes, vms, Math.floor(nodes / 4))];
  for (const row of rows) {
    const times = [row.fencedMs, row.firstMs, row.lastMs].map((ms) => `${(ms / 1000).toFixed(1)} s`);
    const decided = [row.longestDecisionMs, row.allDecisionsMs].map((ms) => `${ms.toFixed(0)} ms`);
    console.log(`| ${[row.lost, row.vms, ...times, ...decided].join(' | ')} |`);
  }
  console.log('| lost | writes/s before | writes of the failover | writes/s in its busiest second | memory | took |');
  console.log('|---|---:|---:|---:|---:|---:|');
  for (const row of rows) {
    const figures = [row.lost, row.calmWrites, row.writes, row.peakWrites, `${row.memoryMiB} MiB`];
    console.log(`| ${[...figures, `${row.tookS.toFixed(0)} s`].join(' | ')} |${row.violation}`);
  }
}

function lose(nodes: number, vms: number, lost: number): Row {
  const startedAt = process.hrtime.bigint();
  const { protocol, took } = timed();
  const world = new World(clusterOf(nodes), { protocol, lookers: LOOK_AFTER_IT });
  const all = vmsOn(nodeNames(nodes), vms);
  world.engine.run(FILL_AT_MS);
  fill(world, all);
  world.engine.run(LOSE_AT_MS - 5000);
  const before = world.store.writes;
  world.engine.run(LOSE_AT_MS);
  const calmWrites = Math.round((world.store.writes - before) / 5);
  const gone = world.machines.slice(nodes - lost);
  took.length = 0;
  const losing = world.store.writes;
  for (const machine of gone) {
    machine.disturbedAt = Infinity;
    machine.powerOff('power failed', 'off');
  }
  const affected = all.filter(({ node }) => gone.some(({ name }) => name === node)).map(({ name }) => name);
  const found = follow(world, affected, gone.length);
  const beats = heartbeatsPerSecond(nodes) * ((world.engine.now - LOSE_AT_MS) / 1000);
  return {
    ...{ lost: lossName(lost), vms: affected.length, calmWrites, ...found },
    longestDecisionMs: Math.max(0, ...took),
    allDecisionsMs: took.reduce((sum, ms) => sum + ms, 0) / LOOK_AFTER_IT,
    writes: Math.max(0, Math.round(world.store.writes - losing - beats)),
    memoryMiB: Math.round(process.memoryUsage().rss / 1024 / 1024),
    tookS: Number(process.hrtime.bigint() - startedAt) / 1e9,
    violation: world.oracle.violation === null ? '' : ` ${world.oracle.violation.text}`,
  };
}

/** Until everything runs again; times from the loss on. */
function follow(world: World, vms: readonly string[], lost: number) {
  let [fencedMs, firstMs, peakWrites] = [0, 0, 0];
  const step = 100;
  let writes: number[] = [world.store.writes];
  for (;;) {
    world.engine.run(world.engine.now + step);
    const since = world.engine.now - LOSE_AT_MS;
    const running = vms.filter((vm) => world.oracle.truth(vm).running.size > 0).length;
    if (fencedMs === 0 && world.fencedAt.length >= lost) fencedMs = since;
    if (firstMs === 0 && running > 0) firstMs = since;
    writes = [...writes, world.store.writes].slice(-(WINDOW_MS / step) - 1);
    if (since > AUTHORITY_MS) peakWrites = Math.max(peakWrites, world.store.writes - (writes[0] ?? 0));
    const over = running === vms.length || since > GIVE_UP_MS || world.oracle.violation !== null;
    if (over) return { fencedMs, firstMs, lastMs: since, peakWrites };
  }
}

/** The production decisions, with what they cost on this machine where something was due. */
function timed(): { protocol: Protocol; took: number[] } {
  const took: number[] = [];
  const measured = <A extends readonly unknown[], R>(run: (...args: A) => R, isDue: (result: R) => boolean) => {
    return (...args: A): R => {
      const at = process.hrtime.bigint();
      const result = run(...args);
      if (isDue(result)) took.push(Number(process.hrtime.bigint() - at) / 1e6);
      return result;
    };
  };
  const decideRecovery = measured(PRODUCTION.decideRecovery, (decisions) => decisions.length > 0);
  return { protocol: { ...PRODUCTION, decideRecovery }, took };
}

/** All VMs at once, as if they had been running for long. */
function fill(world: World, vms: readonly VmPlan[]): void {
  const entries: { key: string; value: unknown }[] = [];
  const memory = new Map<string, NodeMemory>();
  for (const vm of vms) {
    const machine = world.machine(vm.node);
    const qemu = machine.spawn({ vm: vm.name, highlyAvailable: true, incoming: null });
    qemu.ready = true;
    const known = world.store.get(keys.nodeMemory(vm.node))?.value as NodeMemory;
    memory.set(vm.node, withAllocation(memory.get(vm.node) ?? known, vm.name, vm.memoryMiB * 1024 * 1024));
    const at = world.isoNow();
    const status = {
      ...firstStatus(vm, at),
      state: 'running',
      instance: qemu.id,
      bootId: machine.bootId,
      guarded: true,
    };
    entries.push(
      { key: keys.vmRecord(vm.name), value: recordOf(vm, at) },
      { key: keys.vmOwner(vm.name), value: { node: vm.node } },
      { key: keys.vmStatus(vm.name), value: status },
    );
    world.vmNames.push(vm.name);
  }
  for (const [node, value] of memory) entries.push({ key: keys.nodeMemory(node), value });
  world.store.inject(entries);
  for (const machine of world.machines) {
    for (const qemu of machine.qemus) {
      qemu.state = 'running';
      world.oracle.changed(qemu);
    }
  }
}

function clusterOf(count: number): ClusterPlan {
  return {
    ...{ seed: 1, profile: 'safety', nodes: nodeNames(count), witness: 'none', watchdogMs: 2000, vms: [] },
    ...{ controllers: false, nodeMemoryMiB: 256 * 1024, minutes: 1, healAt: null, clockRates: [] },
  };
}
