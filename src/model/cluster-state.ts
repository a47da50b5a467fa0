import type { CancelRequest, MigrationIntent } from './intent.ts';
import { type ClusterFacts, keys, STORE_PREFIX } from './keys.ts';
import type { MigrationId, NodeName, Revision, VmName } from './names.ts';
import { HEARTBEAT_SILENCE_MS, type NodeFacts, type NodeHeartbeat, type NodeMemory, type NodeState } from './node.ts';
import type { VmActivity, VmOwner, VmRecord, VmState, VmStatus } from './vm.ts';

/** A stored value with the revision at which it was last written: the token for compare-and-swap. */
export interface Versioned<T> {
  readonly value: T;
  readonly modRevision: Revision;
}

export interface NodeEntry {
  readonly facts: Versioned<NodeFacts>;
  readonly heartbeat: NodeHeartbeat | null;
  /** When this process last saw the heartbeat change, on its own monotonic clock; null if never. */
  readonly heartbeatSeenAtMs: number | null;
}

export interface VmEntry {
  readonly record: Versioned<VmRecord>;
  readonly owner: Versioned<VmOwner> | null;
  readonly status: Versioned<VmStatus> | null;
  readonly intent: Versioned<MigrationIntent> | null;
  readonly cancel: Versioned<CancelRequest> | null;
  /** Null until the owner has sampled the guest's memory. */
  readonly activity: VmActivity | null;
}

/** What one agent knows of the cluster, decoded from the store. Replaced as a whole at every change. */
export interface ClusterState {
  readonly revision: Revision;
  readonly cluster: ClusterFacts | null;
  readonly nodes: ReadonlyMap<NodeName, NodeEntry>;
  readonly memory: ReadonlyMap<NodeName, Versioned<NodeMemory>>;
  readonly vms: ReadonlyMap<VmName, VmEntry>;
  /** Receipts of ended migrations, as stored (unknown: decoded by who shows them). */
  readonly migrations: ReadonlyMap<MigrationId, unknown>;
  readonly progress: ReadonlyMap<MigrationId, unknown>;
}

export const EMPTY_CLUSTER_STATE: ClusterState = {
  revision: '0',
  cluster: null,
  nodes: new Map(),
  memory: new Map(),
  vms: new Map(),
  migrations: new Map(),
  progress: new Map(),
};

/** Read access to the newest {@link ClusterState}; the agent keeps it current. */
export interface ClusterReader {
  current(): ClusterState;
  /** This process's monotonic clock, for judging silences. */
  monotonicMs(): number;
  /** False while the store has not been heard for some seconds: what is shown may be old. */
  fresh(): boolean;
  /** Called after every change; returns a function that ends the subscription. */
  subscribe(listener: (state: ClusterState) => void): () => void;
}

/** How a node is to be shown, judged by how long its heartbeat has not changed. */
export function nodeState(entry: NodeEntry, monotonicMs: number): NodeState {
  if (entry.heartbeatSeenAtMs === null) return 'down';
  return monotonicMs - entry.heartbeatSeenAtMs > HEARTBEAT_SILENCE_MS ? 'down' : 'up';
}

/** How a VM is to be shown. */
export function vmState(entry: VmEntry): VmState {
  if (entry.intent !== null) return 'migrating';
  return entry.status?.value.state ?? 'off';
}

interface RawEntry {
  readonly key: string;
  /** undefined: deleted */
  readonly value: unknown;
  readonly modRevision: Revision;
}

/** The state with one batch of changes applied. `nowMs`: monotonic. */
export function applyEntries(
  state: ClusterState,
  change: { readonly entries: readonly RawEntry[]; readonly revision: Revision; readonly nowMs: number },
): ClusterState {
  const draft = {
    cluster: state.cluster,
    nodes: new Map(state.nodes),
    memory: new Map(state.memory),
    vms: new Map(state.vms),
    migrations: new Map(state.migrations),
    progress: new Map(state.progress),
  };
  for (const entry of change.entries) {
    const [kind, name, part] = entry.key.slice(STORE_PREFIX.length).split('/');
    if (entry.key === keys.cluster) draft.cluster = (entry.value as ClusterFacts | undefined) ?? null;
    else if (name === undefined) continue;
    else if (kind === 'nodes') applyNode(draft.nodes, { name, part, entry, nowMs: change.nowMs });
    else if (kind === 'memory') setOrDelete(draft.memory, name, versioned<NodeMemory>(entry));
    else if (kind === 'vms') applyVm(draft.vms, name, { part, entry });
    else if (kind === 'migrations') setOrDelete(draft.migrations, name, entry.value ?? null);
    else if (kind === 'progress') setOrDelete(draft.progress, name, entry.value ?? null);
  }
  return { ...draft, revision: change.revision };
}

function versioned<T>(entry: RawEntry): Versioned<T> | null {
  return entry.value === undefined ? null : { value: entry.value as T, modRevision: entry.modRevision };
}

function setOrDelete<V>(map: Map<string, V>, name: string, value: V | null): void {
  if (value === null) map.delete(name);
  else map.set(name, value);
}

function applyNode(
  nodes: Map<NodeName, NodeEntry>,
  change: { name: string; part: string | undefined; entry: RawEntry; nowMs: number },
): void {
  const known = nodes.get(change.name);
  if (change.part === 'facts') {
    const facts = versioned<NodeFacts>(change.entry);
    if (facts === null) nodes.delete(change.name);
    else nodes.set(change.name, { heartbeat: null, heartbeatSeenAtMs: null, ...known, facts });
  } else if (change.part === 'heartbeat' && known !== undefined) {
    const heartbeat = (change.entry.value as NodeHeartbeat | undefined) ?? null;
    nodes.set(change.name, { ...known, heartbeat, heartbeatSeenAtMs: heartbeat === null ? null : change.nowMs });
  }
}

const EMPTY_VM = { owner: null, status: null, intent: null, cancel: null, activity: null } as const;

function applyVm(
  vms: Map<VmName, VmEntry>,
  name: VmName,
  { part, entry }: { part: string | undefined; entry: RawEntry },
): void {
  const known = vms.get(name) ?? ({ ...EMPTY_VM, record: null } as unknown as VmEntry);
  const next = {
    ...known,
    ...(part === 'record' && { record: versioned<VmRecord>(entry) }),
    ...(part === 'owner' && { owner: versioned<VmOwner>(entry) }),
    ...(part === 'status' && { status: versioned<VmStatus>(entry) }),
    ...(part === 'intent' && { intent: versioned<MigrationIntent>(entry) }),
    ...(part === 'activity' && { activity: (entry.value as VmActivity | undefined) ?? null }),
    ...(part === 'cancel' && { cancel: versioned<CancelRequest>(entry) }),
  } as VmEntry;
  const { activity, intent, owner, record, status } = next;
  // In a snapshot the activity comes first; `null` of all others may still be undefined there.
  const empty = [activity, intent, owner, record, status].every((part) => part == null);
  if (empty) vms.delete(name);
  else vms.set(name, next);
}
