import type { ClusterView, NodeView } from '../contract/cluster.ts';
import type { MigrationView } from '../contract/migrations.ts';
import type { VmView } from '../contract/vms.ts';
import { decideSurvival } from '../failover/survival.ts';
import type { MigrationProgress } from '../migration/migration.ts';
import type { Receipt } from '../migration/receipt.ts';
import { DEFAULT_AVAILABILITY } from '../model/availability.ts';
import {
  type ClusterReader,
  type ClusterState,
  knownNodes,
  type NodeEntry,
  nodeState,
  type Now,
  type VmEntry,
  vmState,
} from '../model/cluster-state.ts';
import type { MigrationIntent } from '../model/intent.ts';
import type { NodeName, VmName } from '../model/names.ts';
import { freeMemoryBytes, type NodeFacts } from '../model/node.ts';
import type { VmRecord } from '../model/vm.ts';
import type { StoreMember } from '../ports/store.ts';
import { availabilityView } from './availability.ts';
import { failoverView, survivalView, fencingViews } from './failover-view.ts';
import { pendingView } from './pending-hardware.ts';
import { existingVms } from './read-state.ts';

/** The state to show and the time to judge silences by. */
export interface Shown {
  readonly state: ClusterState;
  readonly now: Now;
}

export function shownNow(reader: ClusterReader): Shown {
  return { state: reader.current(), now: reader.now() };
}

/**
 * From nothing but the entry, the state and facts of its owner, and the progress of its migration: the live feed makes it anew when one
 * of these has changed.
 */
export function vmView(shown: Shown, entry: VmEntry): VmView {
  const record = entry.record.value;
  const { definition } = record;
  const status = entry.status?.value ?? null;
  return {
    name: definition.name,
    uuid: definition.uuid,
    state: vmState(entry),
    reason: reasonOf(shown, entry),
    since: status?.since ?? null,
    owner: entry.owner?.value.node ?? null,
    addresses: definition.nics.flatMap((nic) => nic.address?.split('/')[0] ?? []),
    memoryBytes: definition.memoryBytes,
    cpus: definition.cpus,
    cpuPercent: null,
    automaticStart: record.automaticStart,
    highlyAvailable: record.highlyAvailable,
    availability: availabilityOf(record),
    budgetMs: record.budgetMs,
    budgetMaxMs: record.budgetMaxMs ?? null,
    machineType: definition.machineType,
    cpuModel: definition.cpuModel,
    accelerator: definition.accelerator,
    freePageHinting: definition.freePageHinting ?? false,
    graphics: definition.graphics !== undefined,
    disks: definition.disks,
    nics: definition.nics,
    cdroms: definition.cdroms ?? [],
    pending: pendingView(record),
    saved: savedView(record),
    createdAt: record.createdAt,
    request: record.request === null ? null : { id: record.request.id, action: record.request.action },
    settledRequest: status?.settledRequest ?? null,
    error: status?.error ?? null,
    migration: openMigration(shown.state, entry),
  };
}

function availabilityOf({ availability }: VmRecord): VmView['availability'] {
  const { priority, preferredOwners, possibleOwners, antiAffinity, failback, restart } =
    availability ?? DEFAULT_AVAILABILITY;
  return { priority, preferredOwners, possibleOwners, antiAffinity, failback, restart };
}

function savedView({ saved }: VmRecord): VmView['saved'] {
  return saved === undefined ? null : { savedAt: saved.savedAt, sizeBytes: saved.sizeBytes };
}

export function vmViews(shown: Shown): VmView[] {
  return existingVms(shown.state).map((entry) => vmView(shown, entry));
}

/** What the owner said; if the owner is silent, that this is only its last word. */
function reasonOf(shown: Shown, entry: VmEntry): string | null {
  const reason = entry.status?.value.reason ?? null;
  const owner = entry.owner === null ? undefined : shown.state.nodes.get(entry.owner.value.node);
  const mayRun = entry.intent !== null || (entry.status !== null && entry.status.value.state !== 'off');
  if (owner === undefined || !mayRun) return reason;
  const state = nodeState(owner, shown.now);
  // A VM that was given to another node has its status from then on.
  if (state !== 'down' && (state !== 'fenced' || entry.status?.value.node !== owner.facts.value.name)) return reason;
  return `${owner.facts.value.name} is ${state}; this is the last it said: ${reason ?? 'nothing'}`;
}

function openMigration(state: ClusterState, entry: VmEntry): VmView['migration'] {
  if (entry.intent === null) return null;
  const id = entry.intent.value.migrationId;
  const progress = state.progress.get(id) as MigrationProgress | undefined;
  return { id, phase: progress?.phase ?? 'pre-migration' };
}

export function nodeView(shown: Shown, entry: NodeEntry): NodeView {
  const facts = entry.facts.value;
  const memory = shown.state.memory.get(facts.name)?.value ?? { capacityBytes: 0, allocations: {} };
  return {
    name: facts.name,
    role: facts.role,
    state: nodeState(entry, shown.now),
    vms: ownedVms(shown.state).get(facts.name) ?? [],
    addresses: facts.addresses,
    memory: { capacityBytes: memory.capacityBytes, freeBytes: freeMemoryBytes(memory) },
    cpus: facts.cpus,
    qemuVersion: facts.qemuVersion,
    accelerator: facts.accelerator,
    agentVersion: facts.agentVersion,
    apiUrl: facts.apiUrl,
    switches: facts.switches,
    volumes: facts.volumes.map(({ name, path }) => ({ name, path })),
    migration: migrationNetwork(facts),
  };
}

type Owned = ReadonlyMap<NodeName, readonly VmName[]>;
let lastOwned: { readonly entries: readonly VmEntry[]; readonly byOwner: Owned } = { entries: [], byOwner: new Map() };

/** By owner, each in the order of the names: the same object as long as no VM has come, gone or changed its owner. */
export function ownedVms(state: ClusterState): Owned {
  const entries = existingVms(state);
  const { entries: before } = lastOwned;
  if (entries === before) return lastOwned.byOwner;
  const isSame = (entry: VmEntry, index: number) =>
    entry === before[index] ||
    (entry.owner === before[index]?.owner &&
      entry.record.value.definition.name === before[index]?.record.value.definition.name);
  if (entries.length === before.length && entries.every(isSame)) {
    lastOwned = { entries, byOwner: lastOwned.byOwner };
    return lastOwned.byOwner;
  }
  const byOwner = new Map<NodeName, VmName[]>();
  for (const { owner, record } of entries) {
    if (owner === null) continue;
    const names = byOwner.get(owner.value.node) ?? [];
    names.push(record.value.definition.name);
    byOwner.set(owner.value.node, names);
  }
  lastOwned = { entries, byOwner };
  return byOwner;
}

function migrationNetwork({ migration }: NodeFacts): NodeView['migration'] {
  const { address, network, bandwidthBytesPerSecond } = migration;
  return { address, network, bandwidthBytesPerSecond };
}

export function nodeViews(shown: Shown): NodeView[] {
  return sortedNodes(shown.state).map((entry) => nodeView(shown, entry));
}

function sortedNodes(state: ClusterState): NodeEntry[] {
  return knownNodes(state).sort((a, b) => (a.facts.value.name < b.facts.value.name ? -1 : 1));
}

/** Open and ended ones, the newest first (ids sort by time). */
export function migrationViews(state: ClusterState): MigrationView[] {
  return [...openMigrationViews(state), ...endedMigrationViews(state)].sort((a, b) =>
    migrationId(a) < migrationId(b) ? 1 : -1,
  );
}

export function migrationId(view: MigrationView): string {
  return view.state === 'open' ? view.progress.id : view.receipt.id;
}

/** A migration is open as long as its intent exists. */
export function openMigrationViews(state: ClusterState): MigrationView[] {
  return existingVms(state).flatMap((entry) => openMigrationView(state, entry) ?? []);
}

/** From nothing but the intent and the progress; null where there is none. */
export function openMigrationView(state: ClusterState, entry: VmEntry): MigrationView | null {
  if (entry.intent === null) return null;
  const intent = entry.intent.value;
  const progress = state.progress.get(intent.migrationId) as MigrationProgress | undefined;
  return { state: 'open', progress: progress ?? notBegun(intent, entry.record.value.definition.memoryBytes) };
}

/** Progress of a migration that its source has not said anything about yet. */
function notBegun(intent: MigrationIntent, memoryBytes: number): MigrationProgress {
  const { migrationId: id, vm, source, destination, mode, budgetMs, requestedAt } = intent;
  return {
    ...{ id, vm, source, destination, mode, budgetMs, memoryBytes },
    phase: 'pre-migration',
    startedAt: requestedAt,
    elapsedMs: 0,
    transferredBytes: 0,
    remainingBytes: memoryBytes,
    bandwidthBytesPerSecond: 0,
    remainingMs: null,
    phases: [],
    rounds: [],
    decisions: [],
    outcome: null,
  };
}

function endedMigrationViews(state: ClusterState): MigrationView[] {
  return [...state.migrations.values()].map((receipt) => ({ state: 'ended', receipt: receipt as Receipt }));
}

/** `members`: the database's members as they answered just now. */
export function clusterView(
  shown: Shown,
  more: { readonly name: string; readonly members: readonly StoreMember[]; readonly fresh: boolean },
): ClusterView {
  const nodes = nodeViews(shown);
  const workers = nodes.filter((node) => node.role === 'node');
  const witness = nodes.find((node) => node.role === 'witness');
  const vms = existingVms(shown.state);
  const byState: Record<string, number> = {};
  for (const vm of vms) byState[vmState(vm)] = (byState[vmState(vm)] ?? 0) + 1;
  const failover = failoverView(shown, more.members.length);
  const healthy = more.members.filter((member) => member.healthy).length;
  return {
    name: shown.state.cluster?.name ?? more.name,
    id: shown.state.cluster?.id ?? null,
    nodes: { total: workers.length, up: workers.filter((node) => node.state === 'up').length },
    quorum: {
      held: healthy * 2 > more.members.length,
      healthy,
      total: more.members.length,
      members: more.members.map(({ name, healthy: isHealthy, leader, version }) => ({
        ...{ name, healthy: isHealthy, leader, version },
      })),
    },
    witness: witness === undefined ? null : { name: witness.name, state: witness.state },
    vms: { total: vms.length, byState },
    openMigrations: openMigrationViews(shown.state).length,
    availability: availabilityView(shown.state),
    failover,
    survival: survivalView(decideSurvival(shown.state, shown.now), { failover, members: more.members }),
    fencing: fencingViews(shown),
    versions: {
      agent: distinct(nodes.map((node) => node.agentVersion)),
      qemu: distinct(nodes.map((node) => node.qemuVersion)),
      store: distinct(more.members.map((member) => member.version)),
    },
    fresh: more.fresh,
  };
}

function distinct(values: readonly (string | null)[]): string[] {
  return [...new Set(values.filter((value) => value !== null))].sort();
}
