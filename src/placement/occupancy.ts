// Which VMs are where, read off all VMs once per change of any of them and not once per question.
import { DEFAULT_AVAILABILITY, type VmAvailability } from '../model/availability.ts';
import {
  type ClusterState,
  knownNodes,
  type NodeEntry,
  nodeState,
  type Now,
  type VmEntry,
} from '../model/cluster-state.ts';
import type { NodeName, VmName } from '../model/names.ts';
import type { VmRecord } from '../model/vm.ts';
import type { NodeForPlacement } from './why-not-place.ts';

interface NodeOccupancy {
  /** VMs that the node owns, in the order of the state. */
  readonly owned: VmEntry[];
  readonly groups: Map<string, VmName[]>;
  cpusTaken: number;
}

type Occupancy = ReadonlyMap<NodeName, Readonly<NodeOccupancy>>;

// The state's maps are replaced and never changed, so an answer holds for as long as its map exists.
const known = new WeakMap<ClusterState['vms'], Occupancy>();

function occupancyOf(vms: ClusterState['vms']): Occupancy {
  const found = known.get(vms);
  if (found !== undefined) return found;
  const made = makeOccupancy(vms);
  known.set(vms, made);
  return made;
}

function makeOccupancy(vms: ClusterState['vms']): Occupancy {
  const nodes = new Map<NodeName, NodeOccupancy>();
  const at = (name: NodeName) => {
    let node = nodes.get(name);
    if (node === undefined) {
      node = { owned: [], groups: new Map(), cpusTaken: 0 };
      nodes.set(name, node);
    }
    return node;
  };
  for (const entry of vms.values()) {
    // The store may hold another key of a VM without its record.
    if (entry.record == null || entry.owner == null) continue;
    const record = entry.record.value;
    const owner = at(entry.owner.value.node);
    owner.owned.push(entry);
    if (!takesRoom(entry)) continue;
    const destination = entry.intent?.value.destination;
    for (const node of destination === undefined ? [owner] : [owner, at(destination)]) {
      node.cpusTaken += record.definition.cpus;
      for (const group of record.availability?.antiAffinity ?? []) {
        const members = node.groups.get(group);
        if (members === undefined) node.groups.set(group, [record.definition.name]);
        else members.push(record.definition.name);
      }
    }
  }
  return nodes;
}

/** Whether it runs, or is meant to. */
function takesRoom({ record, status, intent }: VmEntry): boolean {
  if (intent != null || record.value.desired === 'running') return true;
  const state = status?.value.state ?? 'off';
  return state === 'running' || state === 'starting' || state === 'paused';
}

const NONE: readonly VmEntry[] = [];

/** The VMs that a node owns. */
export function vmsOwnedBy(state: ClusterState, node: NodeName): readonly VmEntry[] {
  return occupancyOf(state.vms).get(node)?.owned ?? NONE;
}

export function availabilityOf(record: VmRecord): VmAvailability {
  return record.availability ?? DEFAULT_AVAILABILITY;
}

const DAY_MS = 24 * 3_600_000;

/** All members of the cluster as placement sees them. */
export function nodesForPlacement(state: ClusterState, now: Now): NodeForPlacement[] {
  const occupancy = occupancyOf(state.vms);
  return knownNodes(state).map((entry) => {
    const { name } = entry.facts.value;
    const there = occupancy.get(name);
    return {
      facts: entry.facts.value,
      state: nodeState(entry, now),
      memory: state.memory.get(name)?.value ?? null,
      ...(there !== undefined && { groups: there.groups, cpusTaken: there.cpusTaken }),
      recentFailures: recentFailures(entry, now),
    };
  });
}

function recentFailures(entry: NodeEntry, now: Now): number {
  return (entry.failures?.value.at ?? []).filter((at) => now.wallMs - Date.parse(at) < DAY_MS).length;
}
