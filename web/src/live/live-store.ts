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
  readonly #listeners = new Set<() => void>();

  readonly get = (): LiveState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Several messages are one change for whoever listens. */
  apply(messages: readonly LiveMessage[]): void {
    this.#set(messages.reduce(withMessage, this.#state));
  }

  lost(because: string): void {
    this.#set({ ...this.#state, connection: 'lost', lostBecause: because });
  }

  /** Another user may sign in: nothing of the one before stays. */
  clear(): void {
    this.#set(NOTHING);
  }

  #set(state: LiveState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }
}

export function migrationId(view: MigrationView): string {
  return view.state === 'open' ? view.progress.id : view.receipt.id;
}

function withMessage(state: LiveState, message: LiveMessage): LiveState {
  switch (message.type) {
    case 'snapshot':
      return withSnapshot(state, message);
    case 'vm':
      return { ...state, vms: new Map(state.vms).set(message.vm.name, message.vm) };
    case 'vm-deleted':
      return { ...state, vms: without(state.vms, message.name) };
    case 'node':
      return { ...state, nodes: new Map(state.nodes).set(message.node.name, message.node) };
    case 'node-removed':
      return { ...state, nodes: without(state.nodes, message.name) };
    case 'migration': {
      const { migration } = message;
      return { ...state, migrations: new Map(state.migrations).set(migrationId(migration), migration) };
    }
    case 'cluster':
      return { ...state, cluster: message.cluster };
    case 'load':
      return withLoad(state, message.load);
    case 'freshness':
      return { ...state, fresh: message.fresh };
    case 'event':
      return { ...state, events: [message.event, ...state.events].slice(0, EVENTS_KEPT) };
  }
}

/** Part by part; what was known before goes with the first one, and it counts as current with the last one. */
function withSnapshot(state: LiveState, part: Extract<LiveMessage, { type: 'snapshot' }>): LiveState {
  const first = part.part === 1;
  const complete = part.part === part.parts;
  const { connection, lostBecause, filled, events } = state;
  const before = first ? { ...NOTHING, connection, lostBecause, filled, events } : state;
  return {
    ...before,
    ...(complete && { connection: 'live' as const, lostBecause: null, filled: true }),
    servedBy: part.node,
    fresh: part.fresh,
    cluster: part.cluster ?? before.cluster,
    vms: new Map([...before.vms, ...byKey(part.vms, (vm) => vm.name)]),
    nodes: new Map([...before.nodes, ...byKey(part.nodes, (node) => node.name)]),
    loads: new Map([...before.loads, ...byKey(part.loads, (load) => load.node)]),
    vmCpu: new Map([...before.vmCpu, ...part.loads.flatMap(cpuByVm)]),
    migrations: new Map([...before.migrations, ...byKey(part.migrations, migrationId)]),
  };
}

function withLoad(state: LiveState, load: NodeLoad): LiveState {
  const known = state.loads.get(load.node)?.samples ?? [];
  const newest = known.at(-1)?.at ?? '';
  const samples = [...known, ...load.samples.filter(({ at }) => at > newest)].slice(-SAMPLES_KEPT);
  return {
    ...state,
    loads: new Map(state.loads).set(load.node, { ...load, samples }),
    vmCpu: new Map([...state.vmCpu, ...cpuByVm(load)]),
  };
}

function cpuByVm({ vms }: NodeLoad): (readonly [string, number])[] {
  return vms.map(({ name, cpuPercent }) => [name, cpuPercent] as const);
}

function byKey<T>(items: readonly T[], key: (item: T) => string): Map<string, T> {
  return new Map(items.map((item) => [key(item), item]));
}

function without<T>(map: ReadonlyMap<string, T>, name: string): ReadonlyMap<string, T> {
  const copy = new Map(map);
  copy.delete(name);
  return copy;
}
