import {
  HEARTBEAT_SILENCE_MS,
  type HighAvailability,
  type NodeFailures,
  type NodeFencing,
  type NodeHeartbeat,
  type NodeMembership,
  type NodeService,
  type NodeVote,
} from './authority.ts';
import type { CancelRequest, MigrationIntent } from './intent.ts';
import { type ClusterFacts, keys, STORE_PREFIX } from './keys.ts';
import type { MigrationId, NodeName, Revision, VmName } from './names.ts';
import type { NodeFacts, NodeMemory, NodeState } from './node.ts';
import type { VmActivity, VmOwner, VmRecord, VmState, VmStatus } from './vm.ts';

/** A stored value with the revision at which it was last written: the token for compare-and-swap. */
export interface Versioned<T> {
  readonly value: T;
  readonly modRevision: Revision;
}

export interface NodeEntry {
  readonly facts: Versioned<NodeFacts>;
  readonly heartbeat: Versioned<NodeHeartbeat> | null;
  /** When this process last saw the heartbeat change, on its own monotonic clock; null if never. */
  readonly heartbeatSeenAtMs: number | null;
  /** When this process last saw another node say that it has given this one a promise; null if never. */
  readonly promisedSeenAtMs: number | null;
  /** Null until the node has joined. */
  readonly membership: Versioned<NodeMembership> | null;
  readonly service: Versioned<NodeService> | null;
  readonly failures: Versioned<NodeFailures> | null;
  readonly fencing: Versioned<NodeFencing> | null;
  /** By voter: who has voted that this node is gone. */
  readonly votes: ReadonlyMap<NodeName, Versioned<NodeVote>>;
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
  /** Null: armed. */
  readonly availability: Versioned<HighAvailability> | null;
  /** By name. While a node joins or is removed its `facts` may be missing for a moment: iterate over {@link knownNodes}. */
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
  availability: null,
  nodes: new Map(),
  memory: new Map(),
  vms: new Map(),
  migrations: new Map(),
  progress: new Map(),
};

/** The members whose facts are known, which is all that can be shown or used. */
export function knownNodes(state: ClusterState): NodeEntry[] {
  return [...state.nodes.values()].filter((entry) => entry.facts != null);
}

/** Read access to the newest {@link ClusterState}; the agent keeps it current. */
export interface ClusterReader {
  current(): ClusterState;
  /** This process's clocks: the monotonic one for judging silences, the wall clock for what ends at a time of day. */
  now(): Now;
  /** False while the store has not been heard for some seconds: what is shown may be old. */
  fresh(): boolean;
  /** Called after every change; returns a function that ends the subscription. */
  subscribe(listener: (state: ClusterState) => void): () => void;
}

/** Both clocks of one process, in milliseconds. */
export interface Now {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** How a node is to be shown; from what this process has seen of it, on its own clock. */
export function nodeState(entry: NodeEntry, now: Now): NodeState {
  if (entry.membership?.value.state === 'fenced') return 'fenced';
  const recent = (seenAtMs: number | null) => seenAtMs !== null && now.monotonicMs - seenAtMs <= HEARTBEAT_SILENCE_MS;
  if (!recent(entry.heartbeatSeenAtMs)) return recent(entry.promisedSeenAtMs) ? 'isolated' : 'down';
  const mode = entry.service?.value.mode ?? 'active';
  if (mode !== 'active') return mode;
  return quarantinedUntil(entry, now) === null ? 'up' : 'quarantined';
}

/** Null: it may get VMs, unless something else is in the way. */
export function quarantinedUntil({ failures }: Pick<NodeEntry, 'failures'>, now: Now): string | null {
  const until = failures?.value.quarantinedUntil ?? null;
  return until !== null && Date.parse(until) > now.wallMs ? until : null;
}

/** How a VM is to be shown. */
export function vmState(entry: VmEntry): VmState {
  if (entry.intent !== null) return 'migrating';
  const state = entry.status?.value.state ?? 'off';
  return state === 'off' && entry.record.value.saved !== undefined ? 'saved' : state;
}

interface RawEntry {
  readonly key: string;
  /** undefined: deleted */
  readonly value: unknown;
  readonly modRevision: Revision;
}

/** The state with one batch of changes applied. `nowMs`: monotonic. Maps that do not change stay the same objects. */
export function applyEntries(
  state: ClusterState,
  change: { readonly entries: readonly RawEntry[]; readonly revision: Revision; readonly nowMs: number },
): ClusterState {
  const draft = new Draft(state);
  for (const entry of change.entries) applyEntry(draft, entry, change.nowMs);
  return draft.done(change.revision);
}

type MapName = 'nodes' | 'memory' | 'vms' | 'migrations' | 'progress';

/** Copies a map only when it is first written to: a heartbeat does not copy thousands of VMs. */
class Draft {
  #state: ClusterState;
  readonly #copied = new Set<MapName>();

  constructor(state: ClusterState) {
    this.#state = state;
  }

  set(change: Partial<Pick<ClusterState, 'cluster' | 'availability'>>): void {
    this.#state = { ...this.#state, ...change };
  }

  map<K extends MapName>(name: K): Writable<ClusterState[K]> {
    if (!this.#copied.has(name)) {
      this.#copied.add(name);
      const copy = new Map<string, unknown>(this.#state[name]);
      this.#state = { ...this.#state, [name]: copy };
    }
    return this.#state[name] as unknown as Writable<ClusterState[K]>;
  }

  done(revision: Revision): ClusterState {
    return { ...this.#state, revision };
  }
}

type Writable<M> = M extends ReadonlyMap<infer K, infer V> ? Map<K, V> : never;

function applyEntry(draft: Draft, entry: RawEntry, nowMs: number): void {
  const [kind, name, part] = entry.key.slice(STORE_PREFIX.length).split('/');
  if (entry.key === keys.cluster) draft.set({ cluster: (entry.value as ClusterFacts | undefined) ?? null });
  else if (entry.key === keys.highAvailability) draft.set({ availability: versioned<HighAvailability>(entry) });
  else if (name === undefined) return;
  else if (kind === 'nodes') applyNode(draft.map('nodes'), { name, part, entry, nowMs });
  else if (kind === 'votes' && part !== undefined) applyVote(draft.map('nodes'), { subject: name, voter: part, entry });
  else if (kind === 'memory') setOrDelete(draft.map('memory'), name, versioned<NodeMemory>(entry));
  else if (kind === 'vms') applyVm(draft.map('vms'), name, { part, entry });
  else if (kind === 'migrations') setOrDelete(draft.map('migrations'), name, entry.value ?? null);
  else if (kind === 'progress') setOrDelete(draft.map('progress'), name, entry.value ?? null);
}

function versioned<T>(entry: RawEntry): Versioned<T> | null {
  return entry.value === undefined ? null : { value: entry.value as T, modRevision: entry.modRevision };
}

function setOrDelete<V>(map: Map<string, V>, name: string, value: V | null): void {
  if (value === null) map.delete(name);
  else map.set(name, value);
}

const EMPTY_NODE = {
  ...{ heartbeat: null, heartbeatSeenAtMs: null, promisedSeenAtMs: null },
  ...{ membership: null, service: null, failures: null, fencing: null },
  votes: new Map(),
} as const;

interface NodeChange {
  readonly name: string;
  readonly part: string | undefined;
  readonly entry: RawEntry;
  readonly nowMs: number;
}

function applyNode(nodes: Map<NodeName, NodeEntry>, { name, part, entry, nowMs }: NodeChange): void {
  // In a snapshot other parts may come ahead of the facts; until those are there the entry is not complete.
  const known = nodes.get(name) ?? ({ ...EMPTY_NODE, facts: null } as unknown as NodeEntry);
  const next = {
    ...known,
    ...(part === 'facts' && { facts: versioned<NodeFacts>(entry) }),
    ...(part === 'heartbeat' && {
      heartbeat: versioned<NodeHeartbeat>(entry),
      heartbeatSeenAtMs: entry.value === undefined ? null : nowMs,
    }),
    ...(part === 'membership' && { membership: versioned<NodeMembership>(entry) }),
    // It joins again, after a boot or after it was fenced: a sign of life, like a heartbeat. Its silence before counts no more.
    ...(part === 'membership' && joinsAgain(known.membership, entry) && { heartbeatSeenAtMs: nowMs }),
    ...(part === 'service' && { service: versioned<NodeService>(entry) }),
    ...(part === 'failures' && { failures: versioned<NodeFailures>(entry) }),
    ...(part === 'fencing' && { fencing: versioned<NodeFencing>(entry) }),
  } as NodeEntry;
  keepOrDelete(nodes, name, next);
  if (part !== 'heartbeat') return;
  for (const promised of (entry.value as NodeHeartbeat | undefined)?.promises ?? []) {
    const other = nodes.get(promised);
    if (other !== undefined) nodes.set(promised, { ...other, promisedSeenAtMs: nowMs });
  }
}

/** Only the node itself writes that it is a member. */
function joinsAgain(before: Versioned<NodeMembership> | null, { value }: RawEntry): boolean {
  const after = value as NodeMembership | undefined;
  return before !== null && after?.state === 'member' && after.bootId !== bootOfMember(before.value);
}

function bootOfMember(membership: NodeMembership): string | null {
  return membership.state === 'member' ? membership.bootId : null;
}

function applyVote(
  nodes: Map<NodeName, NodeEntry>,
  { subject, voter, entry }: { subject: NodeName; voter: NodeName; entry: RawEntry },
): void {
  const known = nodes.get(subject) ?? ({ ...EMPTY_NODE, facts: null } as unknown as NodeEntry);
  const votes = new Map(known.votes);
  setOrDelete(votes, voter, versioned<NodeVote>(entry));
  keepOrDelete(nodes, subject, { ...known, votes });
}

function keepOrDelete(nodes: Map<NodeName, NodeEntry>, name: NodeName, entry: NodeEntry): void {
  const { facts, heartbeat, membership, service, failures, fencing, votes } = entry;
  const empty = [facts, heartbeat, membership, service, failures, fencing].every((part) => part === null);
  if (empty && votes.size === 0) nodes.delete(name);
  else nodes.set(name, entry);
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
