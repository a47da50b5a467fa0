import { keys } from '../src/model/keys.ts';
import { applyEntries, type ClusterState, EMPTY_CLUSTER_STATE, type Now } from '../src/model/cluster-state.ts';
import type { NodeMembership } from '../src/model/authority.ts';
import type { ClusterPlan } from './cluster-plan.ts';
import { PRODUCTION } from './protocol.ts';
import { heartbeatsPerSecond, lossName, nodeNames, vmsOn } from './scale-cluster.ts';
import { World } from './world.ts';

/** How long a write to the store takes in these figures, in milliseconds. */
const WRITE_MS = 4;

interface Row {
  readonly lost: string;
  readonly vms: number;
  readonly firstDecisionMs: number;
  readonly allDecisionsMs: number;
  readonly rounds: number;
  readonly writes: number;
  readonly virtualMs: number;
  readonly waiting: number;
}

/**
 * What the loss of one node, and of a rack, costs a large cluster: the production decisions run on its state, every transaction they make is
 * applied, until nothing is left to do. Printed as a table.
 */
export function printScale(nodes: number, vms: number): void {
  const heartbeats = heartbeatsPerSecond(nodes);
  console.log(`${nodes} nodes, ${vms} VMs; ${heartbeats} heartbeats/s are written when nothing happens`);
  console.log('| lost | VMs | first decision | all decisions | rounds | transactions | writes/s | VMs that wait |');
  console.log('|---|---|---|---|---|---|---|---|');
  for (const row of [lose(nodes, vms, 1), lose(nodes, vms, Math.floor(nodes / 4))]) {
    const perSecond = Math.round(row.writes / (row.virtualMs / 1000) + heartbeats);
    console.log(
      `| ${row.lost} | ${row.vms} | ${row.firstDecisionMs.toFixed(0)} ms | ${row.allDecisionsMs.toFixed(0)} ms | ${row.rounds} | ${row.writes} | ${perSecond} | ${row.waiting} |`,
    );
  }
  console.log(`memory of this process: ${Math.round(process.memoryUsage().rss / 1024 / 1024)} MiB`);
}

function lose(nodes: number, vms: number, lost: number): Row {
  const world = new World(clusterOf(nodes, vms));
  const now: Now = { monotonicMs: 1_000_000, wallMs: world.wallMs() };
  let state = applied(EMPTY_CLUSTER_STATE, world, { nowMs: 0 });
  // Every node has sent a heartbeat; those of the lost ones were fenced just now.
  for (const machine of world.machines) {
    const fenced = machine.index < lost;
    world.store.preset(keys.nodeMembership(machine.name), membershipOf(machine.name, fenced));
    world.store.preset(keys.nodeHeartbeat(machine.name), {
      ...{
        sequence: 1,
        bootId: 'b',
        agentId: 'a',
        promises: [],
        guard: null,
        voters: [],
        votesNeeded: 1,
        takeoverMs: null,
      },
    });
  }
  state = applied(state, world, { nowMs: now.monotonicMs });
  const owned = [...state.vms.values()].filter(({ owner }) => isLost(owner?.value.node ?? '', lost)).length;
  let [first, all, rounds, writes] = [0, 0, 0, 0];
  for (;;) {
    const started = process.hrtime.bigint();
    const decisions = PRODUCTION.decideRecovery(state, now);
    const took = Number(process.hrtime.bigint() - started) / 1e6;
    const due = decisions.flatMap(({ transaction }) => transaction ?? []);
    if (rounds === 0) first = took;
    all += took;
    if (due.length === 0) break;
    rounds += 1;
    writes += due.length;
    for (const transaction of due)
      for (const write of transaction.write) if ('put' in write) world.store.preset(write.put, write.value);
    state = applied(state, world, { nowMs: now.monotonicMs, written: due });
  }
  const waiting = [...state.vms.values()].filter(({ owner }) => isLost(owner?.value.node ?? '', lost)).length;
  return {
    ...{ lost: lossName(lost), vms: owned, firstDecisionMs: first, allDecisionsMs: all, rounds, writes, waiting },
    virtualMs: Math.max(1, all + rounds * WRITE_MS + 20 * rounds),
  };
}

function isLost(name: string, lost: number): boolean {
  return Number(name.slice('node'.length)) <= lost;
}

type Written = readonly { readonly write: readonly ({ readonly put: string } | { readonly delete: string })[] }[];

function applied(
  state: ClusterState,
  world: World,
  { nowMs, written }: { readonly nowMs: number; readonly written?: Written },
): ClusterState {
  const changed = written?.flatMap(({ write }) => write.map((one) => ('put' in one ? one.put : one.delete)));
  const entries = (changed?.map((key) => world.store.get(key)) ?? [...world.store.entries()]).flatMap(
    (one) => one ?? [],
  );
  return applyEntries(state, { entries, revision: String(world.store.revision), nowMs });
}

function membershipOf(name: string, fenced: boolean): NodeMembership {
  const since = '2026-01-01T00:00:00.000Z';
  if (!fenced) return { state: 'member', bootId: 'b', since };
  const evidence = { kind: 'votes', voters: ['node1'], heartbeatRevision: '1' } as const;
  return { state: 'fenced', bootId: 'b', since, evidence, reason: `${name} was silent`, by: 'node2' };
}

function clusterOf(count: number, vms: number): ClusterPlan {
  const nodes = nodeNames(count);
  return {
    ...{ seed: 1, profile: 'nominal', nodes, witness: 'none', watchdogMs: 2000, controllers: false, clockRates: [] },
    // Half of each node is taken, so that a rack fits into the rest.
    ...{ nodeMemoryMiB: (vms / count) * 1024 * 2, minutes: 1, healAt: null },
    vms: vmsOn(nodes, vms),
  };
}
