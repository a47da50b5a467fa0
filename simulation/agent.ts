import { applyEntries, type ClusterState, EMPTY_CLUSTER_STATE, type Now } from '../src/model/cluster-state.ts';
import { keys } from '../src/model/keys.ts';
import type { NodeMemory } from '../src/model/node.ts';
import type { NodeName, VmName } from '../src/model/names.ts';
import type { StoreEntry, Transaction, TransactionOutcome } from '../src/ports/store.ts';
import { Coordination } from './coordination.ts';
import { factsOf } from './facts.ts';
import { KnownRevisions } from './known-revisions.ts';
import type { Machine } from './machine.ts';
import { Membership } from './membership.ts';
import { Migrations } from './migrations.ts';
import { OwnVms } from './own-vms.ts';
import { SeatKeeper } from './seats.ts';
import { Standing } from './standing.ts';
import type { Change, StoreWatcher } from './store-watches.ts';
import { Suspended } from './suspended.ts';
import type { World } from './world.ts';

const READ_RETRY_MS = 300;
const LOOK_EVERY_MS = 2000;
const WATCH_SILENCE_MS = 5000;

/** One agent process: the production decisions, and what is needed to carry them out in the simulated world. */
export class SimulatedAgent {
  readonly machine: Machine;
  readonly world: World;
  readonly id: string;
  view: ClusterState = EMPTY_CLUSTER_STATE;
  /** Machines with a member of the store, as this agent knows them. */
  storeMembers: readonly NodeName[];
  /** It has had authority before. */
  proved = false;
  readonly revisions: KnownRevisions;
  readonly standing: Standing;
  readonly membership: Membership;
  readonly suspended: Suspended;
  readonly vms: OwnVms;
  readonly coordination: Coordination;
  readonly migrations: Migrations;
  readonly seats: SeatKeeper;
  #watcher: StoreWatcher | null = null;
  #heardAt = -Infinity;

  constructor(machine: Machine) {
    this.machine = machine;
    this.world = machine.world;
    this.world.starts += 1;
    this.id = `${machine.name}-agent${this.world.starts}`;
    this.storeMembers = this.world.memberNames();
    this.revisions = new KnownRevisions(this);
    this.standing = new Standing(this);
    this.membership = new Membership(this);
    this.suspended = new Suspended(this);
    this.vms = new OwnVms(this);
    this.coordination = new Coordination(this);
    this.migrations = new Migrations(this);
    this.seats = new SeatKeeper(this);
  }

  begin(): void {
    const { agentProcess } = this.machine;
    agentProcess.deliver(() => {
      this.standing.begin();
      this.membership.join();
      this.#publish();
      this.#open();
      this.#lookAtVms();
    });
  }

  #lookAtVms(): void {
    this.vms.lookAtAll();
    this.after(LOOK_EVERY_MS, () => this.#lookAtVms());
  }

  /** What this node is, with its memory, as src/agent/publish-node.ts does. */
  #publish(): void {
    const { name, options } = this.machine;
    const facts = { put: keys.nodeFacts(name), value: factsOf(this.machine) };
    const written = (applied: boolean) => {
      if (!applied) this.after(500, () => this.#publish());
    };
    if (options.role === 'witness') {
      return this.transact({ compare: [], write: [facts] }, 2000, ({ kind }) => written(kind === 'applied'));
    }
    const key = keys.nodeMemory(name);
    this.read(key, (entry, reached) => {
      if (!reached) return written(false);
      const allocations = (entry?.value as NodeMemory | undefined)?.allocations ?? {};
      const memory: NodeMemory = { capacityBytes: options.memoryBytes, allocations };
      const compare = [{ key, modRevision: entry?.modRevision ?? '0' }];
      const write = [facts, { put: key, value: memory }];
      this.transact({ compare, write }, 2000, ({ kind }) => written(kind === 'applied'));
    });
  }

  /** The watch has broken, and its member does not know what came after the last revision. */
  readAnew(): void {
    if (this.#watcher !== null) this.#open();
  }

  ended(): void {
    if (this.#watcher !== null) this.world.store.unwatch(this.#watcher);
    this.#watcher = null;
  }

  get watcher(): StoreWatcher | null {
    return this.#watcher;
  }

  now(): Now {
    return { monotonicMs: this.machine.mono(), wallMs: this.world.wallMs() };
  }

  /** On this machine's clock. */
  after(delay: number, run: () => void): void {
    this.machine.timer(this.machine.agentProcess, this.machine.mono() + delay, run);
  }

  transact(transaction: Transaction, deadlineMs: number, done: (outcome: TransactionOutcome) => void): void {
    const { agentProcess, index } = this.machine;
    const { engine, store } = this.world;
    const deadline = engine.now + deadlineMs;
    const giveUp = () => {
      engine.at(Math.max(engine.now, deadline), () =>
        agentProcess.deliver(() => done({ kind: 'unknown', reason: 'the store has gone back in time' })),
      );
    };
    if (this.revisions.goneBack) return giveUp();
    const known = this.revisions.newest;
    store.transact(index, this.world.compared(transaction), {
      deadline,
      done: (outcome, revision) =>
        agentProcess.deliver(() => {
          const believed = revision === undefined || this.revisions.take({ known, revision, through: 'log' });
          if (believed) done(outcome);
          else giveUp();
        }),
    });
  }

  /** As far as this agent may use it. */
  reachesStore(): boolean {
    return !this.revisions.goneBack && this.world.store.reachable(this.machine.index);
  }

  /** A linearizable read. */
  read(key: string, done: (entry: StoreEntry | undefined, reached: boolean) => void): void {
    this.#reach((reached) => done(reached ? this.world.store.get(key) : undefined, reached));
  }

  list(vm: VmName, done: (entries: ReadonlyMap<string, StoreEntry>, reached: boolean) => void): void {
    this.#reach((reached) => {
      const entries = new Map<string, StoreEntry>();
      if (reached) {
        for (const key of [keys.vmRecord(vm), keys.vmOwner(vm), keys.vmStatus(vm), keys.vmIntent(vm)]) {
          const entry = this.world.store.get(key);
          if (entry !== undefined) entries.set(key, entry);
        }
      }
      done(entries, reached);
    });
  }

  /** A request to another agent, over whatever network passes; null without an answer in time. */
  call<T>(
    node: NodeName,
    withinMs: number,
    {
      run,
      done,
    }: { run: (other: SimulatedAgent, answer: (value: T) => void) => void; done: (value: T | null) => void },
  ): void {
    const { network } = this.world;
    const { machine } = this;
    const { agentProcess } = machine;
    const other = this.world.machine(node);
    let asked = false;
    let answered = false;
    const end = (value: T | null) => {
      if (answered) return;
      answered = true;
      done(value);
    };
    this.after(withinMs, () => end(null));
    network.send(machine.index, other.index, () => {
      other.agentProcess.deliver(() => {
        if (asked || other.agent === null) return;
        asked = true;
        run(other.agent, (value) =>
          network.send(other.index, machine.index, () => agentProcess.deliver(() => end(value))),
        );
      });
    });
  }

  say(text: string, why: string): void {
    if (this.world.telling) this.world.tell({ kind: 'said', node: this.machine.name, text, why });
  }

  /** False while the watch has heard nothing for some seconds. */
  fresh(): boolean {
    return this.machine.mono() - this.#heardAt < WATCH_SILENCE_MS;
  }

  #reach(done: (reached: boolean) => void): void {
    const { store, engine, random } = this.world;
    const { agentProcess } = this.machine;
    const reached = this.reachesStore();
    const known = this.revisions.newest;
    const isBelieved = () => this.revisions.take({ known, revision: String(store.revision), through: 'read' });
    engine.after(reached ? random.agents.between(1, 6) : 2000, () =>
      agentProcess.deliver(() => done(reached && this.reachesStore() && isBelieved())),
    );
  }

  #open(): void {
    this.#reach((reached) => {
      if (!reached) return this.after(READ_RETRY_MS, () => this.#open());
      const { store } = this.world;
      this.#watcher = store.watch(this.machine.index, (changes, revision) => {
        this.machine.agentProcess.deliver(() => this.#seen(changes, revision));
      });
      this.view = EMPTY_CLUSTER_STATE;
      this.#seen([...store.entries()], store.revision);
      this.suspended.takeUp();
      this.coordination.begin();
      this.seats.begin();
    });
  }

  #seen(changes: readonly Change[], revision: number): void {
    if (this.revisions.goneBack) return;
    this.view = applyEntries(this.view, {
      entries: changes,
      revision: String(revision),
      nowMs: this.machine.mono(),
    });
    this.#heardAt = this.machine.mono();
    this.standing.seen(changes);
    let vmsChanged: Set<VmName> | null = null;
    let news = false;
    for (const { key } of changes) {
      if (!key.endsWith('/heartbeat')) news = true;
      if (!key.startsWith(keys.vms)) continue;
      vmsChanged ??= new Set();
      vmsChanged.add(key.slice(keys.vms.length, key.lastIndexOf('/')));
    }
    for (const vm of vmsChanged ?? []) {
      this.vms.look(vm);
      this.migrations.look(vm);
    }
    if (news) this.coordination.changed();
  }
}
