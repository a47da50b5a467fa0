// Whether a node can take a VM: every reason against it, not only the first. Used for the choice of the
// first owner, for the candidates of a migration and for its refusal. Relies on nothing but what it is given.
import type { VmAvailability } from '../model/availability.ts';
import type { NodeName, VmName } from '../model/names.ts';
import { freeMemoryBytes, type NodeFacts, type NodeMemory, type NodeState, withoutAllocation } from '../model/node.ts';
import { formatBytes } from '../model/units.ts';
import type { VmDefinition } from '../model/vm.ts';

/** What is known of a node that might take the VM. */
export interface NodeForPlacement {
  readonly facts: NodeFacts;
  readonly state: NodeState;
  /** null: it has not published its memory. */
  readonly memory: NodeMemory | null;
  /** VMs that are there, or on their way there, by anti-affinity group. Absent: none. */
  readonly groups?: ReadonlyMap<string, readonly VmName[]>;
  /** Virtual processors of the VMs that run there. Absent: 0. */
  readonly cpusTaken?: number;
  /** How often it was fenced within the last day. Absent: never. */
  readonly recentFailures?: number;
}

/** What the VM asks of a node. */
export interface PlacementNeeds {
  readonly definition: VmDefinition;
  /** The node it is on, which is no candidate and whose QEMU the candidate's must understand; null for a VM that is nowhere yet. */
  readonly owner: NodeFacts | null;
  /** `now`: the memory must be free, it is about to run there. `some-day`: the node must be big enough. */
  readonly memory: 'now' | 'some-day';
  /** Where it may and should be. Absent: anywhere. */
  readonly availability?: Pick<VmAvailability, 'possibleOwners' | 'preferredOwners' | 'antiAffinity'>;
  /** Nodes on which it failed lately. Absent: none. */
  readonly failedOn?: readonly NodeName[];
}

/** What kind of obstacle it is, for those who answer with one precise error. */
export type Obstacle =
  | 'role'
  | 'state'
  | 'owner'
  | 'hardware'
  | 'software'
  | 'network'
  | 'storage'
  | 'memory'
  | 'possible-owners'
  | 'anti-affinity'
  | 'failed-there';

export interface Reason {
  readonly obstacle: Obstacle;
  /** A sentence that names the node. */
  readonly text: string;
}

/** All reasons why the VM cannot be placed on this node; empty means that it can. */
export function whyNotOn(node: NodeForPlacement, needs: PlacementNeeds): Reason[] {
  const { name, role } = node.facts;
  // Of these two nothing else is worth saying.
  if (role === 'witness') return [{ obstacle: 'role', text: `${name} is a witness and runs no VMs.` }];
  if (needs.owner?.name === name)
    return [{ obstacle: 'owner', text: `${needs.definition.name} is already on ${name}.` }];
  return [
    ...stateReasons(name, node.state),
    ...factsReasons(node.facts, needs),
    ...memoryReasons(node, needs),
    ...availabilityReasons(node, needs),
  ];
}

/** Those that lie in what the node is, and are the same for all nodes with the same equipment. */
export function factsReasons(facts: NodeFacts, needs: PlacementNeeds): Reason[] {
  return [
    ...softwareReasons(facts, needs),
    ...networkReasons(facts, needs.definition),
    ...migrationNetworkReasons(facts, needs.owner),
    ...storageReasons(facts, needs.definition),
  ];
}

function stateReasons(name: NodeName, state: NodeState): Reason[] {
  switch (state) {
    case 'up':
      return [];
    case 'down':
      return [{ obstacle: 'state', text: `${name} is down: its heartbeat is silent.` }];
    case 'paused':
    case 'draining':
    case 'isolated':
    case 'fenced':
    case 'quarantined':
      return [{ obstacle: 'state', text: `${name} is ${state} and takes no VMs.` }];
  }
}

function softwareReasons(facts: NodeFacts, needs: PlacementNeeds): Reason[] {
  const { definition, owner } = needs;
  const reasons: Reason[] = [];
  if (facts.accelerator !== definition.accelerator) {
    const text = `${facts.name} runs VMs with ${facts.accelerator ?? 'nothing'}, ${definition.name} needs ${definition.accelerator}.`;
    reasons.push({ obstacle: 'hardware', text });
  }
  if (!facts.cpuModels.includes(definition.cpuModel)) {
    reasons.push({ obstacle: 'hardware', text: `${facts.name} cannot offer the CPU model ${definition.cpuModel}.` });
  }
  if (!facts.machineTypes.includes(definition.machineType)) {
    const text = `QEMU ${facts.qemuVersion ?? ''} on ${facts.name} does not know the machine type ${definition.machineType}.`;
    reasons.push({ obstacle: 'software', text });
  }
  if (owner !== null && isOlder(facts.qemuVersion, owner.qemuVersion)) {
    const text = `QEMU ${facts.qemuVersion ?? ''} on ${facts.name} is older than ${owner.qemuVersion ?? ''} on ${owner.name}; only the same or a newer one is sure to understand it.`;
    reasons.push({ obstacle: 'software', text });
  }
  return reasons;
}

/** Compared by major and minor: stable releases of one series understand each other both ways. */
function isOlder(version: string | null, than: string | null): boolean {
  if (version === null || than === null) return false;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [thanMajor = 0, thanMinor = 0] = than.split('.').map(Number);
  return major < thanMajor || (major === thanMajor && minor < thanMinor);
}

function networkReasons(facts: NodeFacts, definition: VmDefinition): Reason[] {
  const missing = new Set(
    definition.nics.map((nic) => nic.switchName).filter((name) => !facts.switches.includes(name)),
  );
  return [...missing].map((name) => ({
    obstacle: 'network',
    text: `${facts.name} has no virtual switch "${name}".`,
  }));
}

/** Memory never goes over another network than the one that is meant for it. */
function migrationNetworkReasons(facts: NodeFacts, owner: NodeFacts | null): Reason[] {
  if (owner === null || owner.migration.network === facts.migration.network) return [];
  const [has, lacks] = owner.migration.network === null ? [facts, owner] : [owner, facts];
  const other = lacks.migration.network === null ? 'none' : lacks.migration.network;
  const text = `Guest memory cannot reach ${facts.name}: ${has.name} migrates over the network ${has.migration.network}, ${lacks.name} over ${other === 'none' ? 'the cluster network' : other}.`;
  return [{ obstacle: 'network', text }];
}

function storageReasons(facts: NodeFacts, definition: VmDefinition): Reason[] {
  const unreachable = [...definition.disks, ...(definition.cdroms ?? [])].filter(
    (disk) => !facts.volumes.some((volume) => isBelow(disk.path, volume.path)),
  );
  return unreachable.map((disk) => ({
    obstacle: 'storage',
    text: `${facts.name} does not have the volume that holds ${disk.path}.`,
  }));
}

function isBelow(path: string, directory: string): boolean {
  return path.startsWith(directory.endsWith('/') ? directory : `${directory}/`);
}

function memoryReasons(node: NodeForPlacement, needs: PlacementNeeds): Reason[] {
  const { name } = node.facts;
  const { memoryBytes } = needs.definition;
  if (node.memory === null) return [{ obstacle: 'memory', text: `${name} has not published how much memory it has.` }];
  if (needs.memory === 'some-day') {
    if (memoryBytes <= node.memory.capacityBytes) return [];
    const text = `${name} offers ${formatBytes(node.memory.capacityBytes)} to VMs, ${needs.definition.name} needs ${formatBytes(memoryBytes)}.`;
    return [{ obstacle: 'memory', text }];
  }
  // What it holds for this very VM, e.g. left from an earlier attempt, is free for it.
  const freeBytes = freeMemoryBytes(withoutAllocation(node.memory, needs.definition.name));
  if (memoryBytes <= freeBytes) return [];
  const text = `${name} has ${formatBytes(freeBytes)} of ${formatBytes(node.memory.capacityBytes)} free for VMs, ${needs.definition.name} needs ${formatBytes(memoryBytes)}.`;
  return [{ obstacle: 'memory', text }];
}

function availabilityReasons(node: NodeForPlacement, needs: PlacementNeeds): Reason[] {
  const { name } = node.facts;
  const vm = needs.definition.name;
  const reasons: Reason[] = [];
  if (!isPossibleOwner(name, needs)) {
    reasons.push({ obstacle: 'possible-owners', text: `${name} is not among the possible owners of ${vm}.` });
  }
  for (const group of needs.availability?.antiAffinity ?? []) {
    const others = (node.groups?.get(group) ?? []).filter((other) => other !== vm);
    if (others.length === 0) continue;
    const text = `${vm} and ${others.join(', ')} of the group "${group}" must not be on one node, and ${name} has ${others.length === 1 ? 'that one' : 'those'}.`;
    reasons.push({ obstacle: 'anti-affinity', text });
  }
  if (needs.failedOn?.includes(name) === true) {
    reasons.push({ obstacle: 'failed-there', text: `${vm} has failed on ${name} within the last quarter of an hour.` });
  }
  return reasons;
}

export function isPossibleOwner(node: NodeName, needs: Pick<PlacementNeeds, 'availability'>): boolean {
  const possible = needs.availability?.possibleOwners ?? [];
  return possible.length === 0 || possible.includes(node);
}
