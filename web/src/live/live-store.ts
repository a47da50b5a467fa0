/** What the page knows of the cluster: filled by the live channel, read by components through `live-hooks.ts`. */
import type { ClusterView, NodeView } from '../../../src/contract/cluster.ts';
import type { EventView } from '../../../src/contract/events.ts';
import type { LiveMessage } from '../../../src/contract/live.ts';
import type { NodeLoad } from '../../../src/contract/load.ts';
import type { MigrationView } from '../../../src/contract/migrations.ts';
import type { VmView } from '../../../src/contract/vms.ts';

export interface LiveState {
  /** `lost`: what is shown is what was last known; the page tries to get through again, here and on other nodes. */
  readonly connection: 'connecting' | 'live' | 'lost';
  /** Why it was lost; null while it is not. */
  readonly lostBecause: string | null;
  /** The node that serves this page now. */
  readonly servedBy: string | null;
  /** false: the cluster's database is silent, the node itself shows what it last knew. */
  readonly fresh: boolean;
  /** Whether a snapshot has ever come. */
  readonly filled: boolean;
  readonly cluster: ClusterView | null;
  readonly vms: ReadonlyMap<string, VmView>;
  readonly nodes: ReadonlyMap<string, NodeView>;
  /** Samples of the last minutes, by node. */
  readonly loads: ReadonlyMap<string, NodeLoad>;
  /** CPU use of VMs in percent of one CPU, by name; VMs without a figure are left out. */
  readonly vmCpu: ReadonlyMap<string, number>;
  /** Open ones and the newest ended ones, by id. */
  readonly migrations: ReadonlyMap<string, MigrationView>;
  /** Those that came since the page was opened, newest first. */
  readonly events: readonly EventView[];
}

const EVENTS_KEPT = 500;

const NOTHING: LiveState = {
  connection: 'connecting',
  lostBecause: null,
  servedBy: null,
  fresh: false,
  filled: false,
  cluster: null,
  vms: new Map(),
  nodes: new Map(),
  loads: new Map(),
  vmCpu: new Map(),
  migrations: new Map(),
  events: [],
};

/** Ten minutes at one sample per second at most. */
const SAMPLES_KEPT = 600;

export class LiveStore {
  #state: LiveState = NOTHING;
  /** A snapshot of which parts are still to come: until it is whole the page keeps what it had. */
  #coming: Draft | null = null;
  readonly #listeners = new Set<() => void>();

  readonly get = (): LiveState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Several messages are one change for whoever listens. */
  apply(messages: readonly LiveMessage[]): void {
    let draft = new Draft(this.#state);
    for (const message of messages) {
      if (message.type !== 'snapshot') applyTo(draft, message);
      else draft = this.#withPart(draft, message);
    }
    this.#set(draft.state());
  }

  lost(because: string): void {
    this.#coming = null;
    this.#set({ ...this.#state, connection: 'lost', lostBecause: because });
  }

  /** Another user may sign in: nothing of the one before stays. */
  clear(): void {
    this.#coming = null;
    this.#set(NOTHING);
  }

  /** What is shown after this part: the whole snapshot after the last one, else what was shown before. */
  #withPart(shown: Draft, part: Snapshot): Draft {
    const before = this.#coming;
    if (part.part !== 1 && before === null) return shown;
    const coming = part.part === 1 || before === null ? new Draft({ ...NOTHING, events: shown.events }) : before;
    addPart(coming, part);
    const whole = part.part === part.parts;
    this.#coming = whole ? null : coming;
    if (!whole) return shown;
    return new Draft({ ...coming.state(), connection: 'live', filled: true });
  }

  #set(state: LiveState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }
}

type Snapshot = Extract<LiveMessage, { readonly type: 'snapshot' }>;
type MapKey = {
  [K in keyof LiveState]: LiveState[K] extends ReadonlyMap<string, unknown> ? K : never;
}[keyof LiveState];
type ValueOf<K extends MapKey> = LiveState[K] extends ReadonlyMap<string, infer V> ? V : never;

/** A state in the making. A map is copied at its first change: thousands of VMs are not copied for each message of a burst. */
class Draft {
  readonly #before: LiveState;
  #changed: Partial<LiveState> = {};

  constructor(before: LiveState) {
    this.#before = before;
  }

  /** The state before, if nothing has changed. */
  state(): LiveState {
    return Object.keys(this.#changed).length === 0 ? this.#before : { ...this.#before, ...this.#changed };
  }

  get events(): LiveState['events'] {
    return this.#changed.events ?? this.#before.events;
  }

  set(part: Partial<LiveState>): void {
    this.#changed = { ...this.#changed, ...part };
  }

  loadOf(node: string): NodeLoad | undefined {
    return (this.#changed.loads ?? this.#before.loads).get(node);
  }

  /** The map, to be changed. */
  map<K extends MapKey>(key: K): Map<string, ValueOf<K>> {
    const own = this.#changed[key] as Map<string, ValueOf<K>> | undefined;
    if (own !== undefined) return own;
    const copy = new Map(this.#before[key] as ReadonlyMap<string, unknown>) as Map<string, ValueOf<K>>;
    this.#changed = { ...this.#changed, [key]: copy };
    return copy;
  }
}

export function migrationId(view: MigrationView): string {
  return view.state === 'open' ? view.progress.id : view.receipt.id;
}

function applyTo(draft: Draft, message: Exclude<LiveMessage, Snapshot>): void {
  switch (message.type) {
    case 'vm':
      draft.map('vms').set(message.vm.name, message.vm);
      return;
    case 'vm-deleted':
      draft.map('vms').delete(message.name);
      draft.map('vmCpu').delete(message.name);
      return;
    case 'node':
      draft.map('nodes').set(message.node.name, message.node);
      return;
    case 'node-removed':
      draft.map('nodes').delete(message.name);
      draft.map('loads').delete(message.name);
      return;
    case 'migration':
      draft.map('migrations').set(migrationId(message.migration), message.migration);
      return;
    case 'cluster':
      draft.set({ cluster: message.cluster });
      return;
    case 'load':
      addLoad(draft, message.load);
      return;
    case 'freshness':
      draft.set({ fresh: message.fresh });
      return;
    case 'event':
      draft.set({ events: [message.event, ...draft.events].slice(0, EVENTS_KEPT) });
  }
}

function addPart(draft: Draft, part: Snapshot): void {
  const { cluster, fresh, node } = part;
  draft.set({ servedBy: node, fresh, ...(cluster !== null && { cluster }) });
  const [vms, nodes, migrations] = [draft.map('vms'), draft.map('nodes'), draft.map('migrations')];
  for (const vm of part.vms) vms.set(vm.name, vm);
  for (const view of part.nodes) nodes.set(view.name, view);
  for (const migration of part.migrations) migrations.set(migrationId(migration), migration);
  for (const load of part.loads) addLoad(draft, load);
}

function addLoad(draft: Draft, load: NodeLoad): void {
  const known = draft.loadOf(load.node)?.samples ?? [];
  const newest = known.at(-1)?.at ?? '';
  const samples = [...known, ...load.samples.filter(({ at }) => at > newest)].slice(-SAMPLES_KEPT);
  draft.map('loads').set(load.node, { ...load, samples });
  if (load.vms.length === 0) return;
  const cpus = draft.map('vmCpu');
  for (const { name, cpuPercent } of load.vms) cpus.set(name, cpuPercent);
}
