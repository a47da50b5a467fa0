import type { Revision } from '../src/model/names.ts';
import type { Transaction, TransactionOutcome } from '../src/ports/store.ts';
import type { Engine, Timer } from './engine.ts';
import type { Network } from './network.ts';
import type { SeededRandom } from './random.ts';
import { type Change, StoreWatches, type StoreWatcher, type WatchedStore } from './store-watches.ts';

/** What the store asks of the machines its members run on. */
export interface StoreHosts {
  /** The machine has power and executes. */
  executes(machine: number): boolean;
}

interface Member {
  readonly machine: number;
  /** The process. */
  up: boolean;
  /** A disk that does not finish a flush before then. */
  stalledUntil: number;
}

interface Proposal {
  readonly machine: number;
  readonly transaction: Transaction;
  readonly deadline: number;
  endpoint: number;
  /** With the revision in the answer's header, if there is an answer. */
  done: ((outcome: TransactionOutcome, revision?: Revision) => void) | null;
  decided: boolean;
}

const ELECTION_MS = 500;
/** A leader whose disk hangs longer than this is deposed: its heartbeats come from the loop that waits for the disk. */
const STALL_DEPOSES_MS = 1000;

/**
 * etcd as its clients see it: a replicated log with a leader; a commit needs the leader's disk and a majority; elections take their
 * time; revisions and compares; watches that come late or stall. An answer may be lost after the write was applied, and a
 * write may be applied long after its client has given up.
 */
export class SimulatedStore implements WatchedStore {
  readonly #engine: Engine;
  readonly #random: SeededRandom;
  readonly #network: Network;
  readonly #hosts: StoreHosts;
  readonly members: Member[] = [];
  /** Since when. */
  readonly learners = new Map<number, number>();
  leader: number | null = null;
  revision = 0;
  writes = 0;
  /** Every put fails. */
  full = false;
  onCommit: (changes: readonly Change[]) => void = () => undefined;
  onLeader: (machine: number | null) => void = () => undefined;
  readonly #entries = new Map<string, Change>();
  #saved: { readonly entries: ReadonlyMap<string, Change>; readonly revision: number } | null = null;
  readonly #pending = new Set<Proposal>();
  readonly #watches: StoreWatches;
  #election: Timer | null = null;

  constructor(engine: Engine, random: SeededRandom, world: { readonly network: Network; readonly hosts: StoreHosts }) {
    this.#engine = engine;
    this.#random = random;
    this.#network = world.network;
    this.#hosts = world.hosts;
    this.#watches = new StoreWatches(engine, random, this);
  }

  seat(machine: number): void {
    this.learners.delete(machine);
    if (!this.members.some((member) => member.machine === machine)) {
      this.members.push({ machine, up: true, stalledUntil: 0 });
      this.members.sort((a, b) => a.machine - b.machine);
    }
    this.reconsider();
  }

  /** Copies the log, without a vote, until it is given one or taken back. */
  addLearner(machine: number): void {
    this.learners.set(machine, this.#engine.now);
  }

  unseat(machine: number): void {
    this.learners.delete(machine);
    const index = this.members.findIndex((member) => member.machine === machine);
    if (index >= 0) this.members.splice(index, 1);
    if (this.leader === machine) this.#lose();
    this.reconsider();
  }

  get(key: string): Change | undefined {
    return this.#entries.get(key);
  }

  entries(): IterableIterator<Change> {
    return this.#entries.values();
  }

  /** Written without a client, when the world begins. */
  preset(key: string, value: unknown): void {
    this.revision += 1;
    this.#put(key, value);
  }

  /** Written at once and told to all, without a client. */
  inject(entries: readonly { readonly key: string; readonly value: unknown }[]): void {
    this.revision += 1;
    for (const { key, value } of entries) this.#put(key, value);
    this.#watches.tell();
  }

  save(): void {
    this.#saved = { entries: new Map(this.#entries), revision: this.revision };
  }

  /** Everything since the copy is forgotten, revisions as well; whoever watches has to read anew. */
  restore(): void {
    if (this.#saved === null) return;
    this.#entries.clear();
    for (const [key, entry] of this.#saved.entries) this.#entries.set(key, entry);
    this.revision = this.#saved.revision;
    this.#inherited.length = 0;
    for (const proposal of this.#pending) {
      proposal.decided = true;
      this.#giveUp(proposal);
    }
    this.#pending.clear();
    this.#watches.removeAll();
  }

  setProcess(machine: number, up: boolean): void {
    const member = this.members.find((one) => one.machine === machine);
    if (member !== undefined) member.up = up;
    this.reconsider();
  }

  stallDisk(machine: number, until: number): void {
    const member = this.members.find((one) => one.machine === machine);
    if (member === undefined) return;
    member.stalledUntil = Math.max(member.stalledUntil, until);
    this.#engine.after(STALL_DEPOSES_MS, () => this.reconsider());
    this.#engine.at(until + 1, () => this.reconsider());
  }

  /** Whether a client on this machine could have a write committed now. */
  reachable(machine: number): boolean {
    if (this.leader === null || this.full || !this.#quorate(this.leader)) return false;
    return this.members.some((member) => this.#serves(machine, member));
  }

  /** Whether the process on this machine runs and reaches the leader. */
  isWell(machine: number): boolean {
    const member = this.members.find((one) => one.machine === machine);
    if (!this.#hosts.executes(machine) || this.leader === null) return false;
    const well =
      member === undefined ? this.learners.has(machine) : member.up && member.stalledUntil <= this.#engine.now;
    return well && this.#network.bothWays(machine, this.leader);
  }

  /** Links, machines or disks have changed: is the leader still one, does somebody have to be elected? */
  reconsider(): void {
    if (this.leader !== null && !this.#quorate(this.leader)) this.#lose();
    if (this.leader === null) this.#callElection();
  }

  transact(machine: number, transaction: Transaction, call: { deadline: number; done: Proposal['done'] }): void {
    const proposal: Proposal = {
      machine,
      transaction,
      deadline: call.deadline,
      endpoint: machine,
      done: call.done,
      decided: false,
    };
    const way = this.#findEndpoint(machine);
    if (this.leader === null || way === null || this.full) return this.#giveUp(proposal);
    proposal.endpoint = way.endpoint;
    const commitAt =
      this.#engine.now + way.delay + this.#network.delay(way.endpoint, this.leader) + this.#quorumDelay(this.leader);
    this.#pending.add(proposal);
    this.#engine.at(commitAt, () => this.#commit(proposal));
    if (commitAt > call.deadline) this.#giveUp(proposal);
  }

  watch(machine: number, sink: StoreWatcher['sink']): StoreWatcher {
    return this.#watches.add(machine, sink);
  }

  unwatch(watcher: StoreWatcher): void {
    this.#watches.remove(watcher);
  }

  answers(machine: number): boolean {
    return this.#findEndpoint(machine) !== null && this.#hosts.executes(machine);
  }

  #findEndpoint(machine: number): { endpoint: number; delay: number } | null {
    let delay = 0;
    const own = this.members.find((member) => member.machine === machine);
    if (own !== undefined) {
      if (this.#serves(machine, own)) return { endpoint: machine, delay };
      delay += 100;
    }
    const { members } = this;
    const start = members.length === 0 ? 0 : machine % members.length;
    for (let i = 0; i < members.length; i += 1) {
      const member = members[(start + i) % members.length] as Member;
      if (member.machine === machine) continue;
      if (this.#serves(machine, member)) {
        return { endpoint: member.machine, delay: delay + this.#network.delay(machine, member.machine) };
      }
      delay += 100;
    }
    return null;
  }

  #serves(machine: number, member: Member): boolean {
    if (!member.up || !this.#hosts.executes(member.machine) || this.leader === null) return false;
    return this.#network.bothWays(machine, member.machine) && this.#network.bothWays(member.machine, this.leader);
  }

  #quorate(leader: number): boolean {
    let reached = 0;
    for (const member of this.members) {
      if (!member.up || !this.#hosts.executes(member.machine)) continue;
      if (member.machine === leader && member.stalledUntil > this.#engine.now + STALL_DEPOSES_MS) return false;
      if (member.machine === leader || this.#network.bothWays(leader, member.machine)) reached += 1;
      else continue;
    }
    const self = this.members.find((member) => member.machine === leader);
    if (self === undefined || !self.up || !this.#hosts.executes(leader)) return false;
    return reached * 2 > this.members.length;
  }

  #lose(): void {
    this.leader = null;
    this.onLeader(null);
    // What had reached a follower is kept by the next leader; nobody can tell beforehand.
    for (const proposal of this.#pending) {
      proposal.decided = true;
      this.#giveUp(proposal);
      if (this.#random.chance(0.5)) this.#inherited.push(proposal);
    }
    this.#pending.clear();
  }

  readonly #inherited: Proposal[] = [];

  #callElection(): void {
    if (this.#election !== null) return;
    const rounds = this.#random.chance(0.15) ? 2 : 1;
    const wait = ELECTION_MS * rounds * this.#random.between(1, 2);
    this.#election = this.#engine.after(wait, () => {
      this.#election = null;
      if (this.leader !== null) return;
      const able = this.members.filter(
        (member) => member.stalledUntil <= this.#engine.now && this.#quorate(member.machine),
      );
      if (able.length === 0) return; // Asked again at the next change.
      this.leader = this.#random.pick(able).machine;
      this.onLeader(this.leader);
      for (const proposal of this.#inherited.splice(0)) this.#apply(proposal.transaction);
    });
  }

  #quorumDelay(leader: number): number {
    const delays: number[] = [];
    for (const member of this.members) {
      const stall = Math.max(0, member.stalledUntil - this.#engine.now);
      if (member.machine === leader) {
        delays.push(stall + this.#flush());
        continue;
      }
      if (!member.up || !this.#hosts.executes(member.machine) || !this.#network.bothWays(leader, member.machine))
        continue;
      delays.push(this.#network.delay(leader, member.machine) * 2 + stall + this.#flush());
    }
    delays.sort((a, b) => a - b);
    const needed = delays[Math.floor(this.members.length / 2)] ?? 0;
    const own = this.members.find((member) => member.machine === leader);
    return Math.max(needed, Math.max(0, (own?.stalledUntil ?? 0) - this.#engine.now));
  }

  #flush(): number {
    return 0.6 + 3 * this.#random.unit() ** 4;
  }

  #commit(proposal: Proposal): void {
    if (proposal.decided) return;
    proposal.decided = true;
    this.#pending.delete(proposal);
    if (this.full && proposal.transaction.write.some((write) => 'put' in write)) return this.#giveUp(proposal);
    const outcome = this.#apply(proposal.transaction);
    const revision = String(this.revision);
    const { endpoint, machine } = proposal;
    const back =
      this.#engine.now +
      this.#network.delay(this.leader ?? endpoint, endpoint) +
      this.#network.delay(endpoint, machine);
    if (back > proposal.deadline || proposal.done === null) return this.#giveUp(proposal);
    this.#engine.at(back, () => {
      const heard = this.#hosts.executes(endpoint) && this.#network.passes(endpoint, machine, 'cluster');
      if (!heard) return this.#giveUp(proposal);
      const { done } = proposal;
      proposal.done = null;
      done?.(outcome, revision);
    });
  }

  /** The client hears nothing until its deadline. */
  #giveUp(proposal: Proposal): void {
    if (proposal.done === null) return;
    this.#engine.at(proposal.deadline, () => {
      const { done } = proposal;
      proposal.done = null;
      done?.({ kind: 'unknown', reason: 'the store did not answer' });
    });
  }

  #apply(transaction: Transaction): TransactionOutcome {
    for (const { key, modRevision } of transaction.compare) {
      if ((this.#entries.get(key)?.modRevision ?? '0') === modRevision) continue;
      const current = transaction.compare.flatMap((compare) => this.#entries.get(compare.key) ?? []);
      return { kind: 'compare-failed', current };
    }
    this.revision += 1;
    this.writes += 1;
    const changes: Change[] = [];
    for (const write of transaction.write) {
      if ('put' in write) changes.push(this.#put(write.put, write.value));
      else changes.push(this.#put(write.delete, undefined));
    }
    this.onCommit(changes);
    this.#watches.tell();
    return { kind: 'applied', revision: String(this.revision) };
  }

  #put(key: string, value: unknown): Change {
    const change: Change = { key, value, modRevision: String(this.revision), revision: this.revision };
    if (value === undefined) this.#entries.delete(key);
    else this.#entries.set(key, change);
    this.#watches.note(change);
    return change;
  }
}
