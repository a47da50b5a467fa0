// Whether the cluster survives the loss of any one node: for each of them its loss is tried out with the very placement that a
// failover uses. No VM that is elsewhere is moved for it.
import { type ClusterState, knownNodes, nodeState, type Now, type VmEntry } from '../model/cluster-state.ts';
import type { NodeName, VmName } from '../model/names.ts';
import { formatBytes } from '../model/units.ts';
import { nodesForPlacement, vmsOwnedBy } from '../placement/occupancy.ts';
import { Room } from '../placement/room.ts';
import { compareRecoveryOrder } from './recovery-order.ts';
import { needsOf } from './recovery-needs.ts';
import { whyWaiting } from './why-waiting.ts';

export interface NodeLoss {
  readonly node: NodeName;
  readonly survives: boolean;
  /** Highly available VMs that run there and where each would go; first those that are recovered first. */
  readonly moves: readonly { readonly vm: VmName; readonly to: NodeName }[];
  readonly misfits: readonly { readonly vm: VmName; readonly memoryBytes: number; readonly reason: string }[];
  /** VMs there that are not highly available: they would be down with it. */
  readonly notProtected: readonly VmName[];
}

export interface Survival {
  /** Of the loss of any one node. */
  readonly survives: boolean;
  /** One sentence. */
  readonly text: string;
  /** By name; nodes that are lost already and witnesses are left out. */
  readonly nodes: readonly NodeLoss[];
}

/** Reasons are given in full for so many misfits per node. */
const EXPLAINED = 20;

interface Remembered {
  readonly memory: ClusterState['memory'];
  /** Of all nodes what else the verdict depends on. */
  readonly nodes: string;
  readonly survival: Survival;
}

// It is asked for with every look at the cluster, and heartbeats change nothing about it.
const remembered = new WeakMap<ClusterState['vms'], Remembered>();

export function decideSurvival(state: ClusterState, now: Now): Survival {
  const nodes = knownNodes(state)
    .map((entry) => `${entry.facts.modRevision}:${nodeState(entry, now)}:${entry.failures?.modRevision ?? ''}`)
    .join(' ');
  const before = remembered.get(state.vms);
  if (before?.memory === state.memory && before.nodes === nodes) return before.survival;
  const survival = tryEveryLoss(state, now);
  remembered.set(state.vms, { memory: state.memory, nodes, survival });
  return survival;
}

function tryEveryLoss(state: ClusterState, now: Now): Survival {
  const entries = knownNodes(state).filter(({ facts }) => facts.value.role === 'node');
  const lost = entries.filter((entry) => isLost(nodeState(entry, now)));
  const room = Room.of(nodesForPlacement(state, now));
  // What is being recovered takes its room first.
  for (const entry of lost) for (const vm of toRecover(state, entry.facts.value.name)) room.place(needsOf(vm, now));
  const losses = entries
    .filter((entry) => !lost.includes(entry))
    .map((entry) => loseNode({ state, now, room }, entry.facts.value.name))
    .sort((a, b) => (a.node < b.node ? -1 : 1));
  const failing = losses.filter(({ survives }) => !survives);
  return { survives: failing.length === 0 && losses.length > 0, text: verdict(losses, failing), nodes: losses };
}

function isLost(state: ReturnType<typeof nodeState>): boolean {
  return state === 'down' || state === 'fenced';
}

interface Setting {
  readonly state: ClusterState;
  readonly now: Now;
  readonly room: Room;
}

function loseNode({ state, now, room }: Setting, node: NodeName): NodeLoss {
  const left = room.without(node);
  const moves: { vm: VmName; to: NodeName }[] = [];
  const misfits: NodeLoss['misfits'][number][] = [];
  for (const entry of toRecover(state, node)) {
    const needs = needsOf(entry, now);
    const { name: vm, memoryBytes } = needs.definition;
    const placement = left.place(needs);
    if (placement !== null) moves.push({ vm, to: placement.node });
    else {
      const reason = misfits.length < EXPLAINED ? whyWaiting(left.obstacles(needs)) : 'no room';
      misfits.push({ vm, memoryBytes, reason });
    }
  }
  const notProtected = vmsOwnedBy(state, node)
    .filter(({ record }) => record.value.desired === 'running' && !record.value.highlyAvailable)
    .map(({ record }) => record.value.definition.name);
  return { node, survives: misfits.length === 0, moves, misfits, notProtected };
}

/** Highly available VMs of the node that are to run, in the order of their recovery. */
function toRecover(state: ClusterState, node: NodeName): VmEntry[] {
  return vmsOwnedBy(state, node)
    .filter(({ record }) => record.value.desired === 'running' && record.value.highlyAvailable)
    .sort((a, b) => compareRecoveryOrder(a.record.value, b.record.value));
}

function verdict(losses: readonly NodeLoss[], failing: readonly NodeLoss[]): string {
  if (losses.length === 0) return 'No node is up.';
  if (losses.length === 1) return `There is no other node to take over from ${losses[0]?.node ?? ''}.`;
  if (failing.length === 0) return 'The cluster survives the loss of any one node.';
  const parts = failing.slice(0, 3).map(({ node, misfits }) => {
    const bytes = misfits.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
    const [first] = misfits;
    const which = misfits.length === 1 ? (first?.vm ?? '') : `${misfits.length} VMs`;
    return `without ${node} there is no place for ${which} (${formatBytes(bytes)})`;
  });
  const more = failing.length > 3 ? `, and ${failing.length - 3} more nodes could not be lost either` : '';
  return `The cluster does not survive the loss of every node: ${parts.join('; ')}${more}.`;
}
