import type { NodeName } from './names.ts';
import type { Accelerator } from './vm.ts';

export type NodeRole = 'node' | 'witness';

export const NODE_STATES = ['up', 'paused', 'draining', 'isolated', 'down', 'fenced', 'quarantined'] as const;
/** As shown to the user; derived from the facts and from how long the heartbeat has been silent. */
export type NodeState = (typeof NODE_STATES)[number];

/** What an agent publishes about its node when it starts. Key `nodes/<name>/facts`. */
export interface NodeFacts {
  readonly name: NodeName;
  readonly role: NodeRole;
  /** Addresses at which other agents reach this one, best first: cluster network, then client network. */
  readonly addresses: readonly string[];
  /** Further addresses that its certificate names; absent: none, or an older agent. */
  readonly certificateAddresses?: readonly string[];
  /** Base URL of the REST API, e.g. "https://10.78.0.11:8440". */
  readonly apiUrl: string;
  /** Further ones, as the configuration has them. */
  readonly alsoReachedAs?: readonly string[];
  /** Port of the link between agents (mutual TLS). */
  readonly peerPort: number;
  /** Memory this node offers to VMs, in bytes; 0 for a witness. */
  readonly memoryBytes: number;
  readonly cpus: number;
  /** "7.2.22"; null for a witness. */
  readonly qemuVersion: string | null;
  readonly accelerator: Accelerator | null;
  /** Versioned machine types this QEMU offers. */
  readonly machineTypes: readonly string[];
  /** Versioned CPU models that start here with `enforce`. */
  readonly cpuModels: readonly string[];
  /** Virtual switches that exist here. */
  readonly switches: readonly string[];
  /** Volumes mounted here. */
  readonly volumes: readonly { readonly name: string; readonly path: string }[];
  readonly migration: NodeMigrationFacts;
  readonly agentVersion: string;
  /** Changes with every boot of the machine (in the lab: of the namespaces). */
  readonly bootId: string;
  readonly startedAt: string;
}

/** Over what guest memory reaches and leaves a node. */
export interface NodeMigrationFacts {
  /** On the migration network if there is one, else on the cluster network. */
  readonly address: string;
  /** The dedicated network, in CIDR notation; null: there is none. */
  readonly network: string | null;
  /** The smaller of the node's limit and that of the network, per migration; null: none. */
  readonly bandwidthBytesPerSecond: number | null;
}

/**
 * Memory of one node that is spoken for. Key `memory/<node>`; changed only by compare-and-swap, so
 * that two reservations cannot take the same bytes.
 */
export interface NodeMemory {
  readonly capacityBytes: number;
  /** By VM name: bytes held for it here, because it runs, starts, or is arriving. */
  readonly allocations: Readonly<Record<string, number>>;
}

export function freeMemoryBytes(memory: NodeMemory): number {
  let used = 0;
  for (const bytes of Object.values(memory.allocations)) used += bytes;
  return memory.capacityBytes - used;
}

export function withAllocation(memory: NodeMemory, vm: string, bytes: number): NodeMemory {
  return { ...memory, allocations: { ...memory.allocations, [vm]: bytes } };
}

export function withoutAllocation(memory: NodeMemory, vm: string): NodeMemory {
  const allocations = { ...memory.allocations };
  delete allocations[vm];
  return { ...memory, allocations };
}
