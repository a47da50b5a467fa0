import type { EvictionRecord, SeatRecord, SeatsRecord } from '../model/formation.ts';
import { keys } from '../model/keys.ts';
import type { NodeName } from '../model/names.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { LocalNotes } from '../ports/notes.ts';
import type { ClusterStore, StoreEntry } from '../ports/store.ts';
import type { StoreConnection, StoreSeats } from '../ports/store-seats.ts';

interface Member {
  readonly name: NodeName;
  readonly address: string;
}

/** This node's own member of the store. */
export interface OwnMember {
  /** Name of its data directory: a member that was removed can never come back with its old data. */
  readonly directory: string;
  readonly state: 'new' | 'existing';
  /** The members that it begins with, itself among them. */
  readonly initial: readonly Member[];
  /** As the store knows it; null: not known yet, it is the cluster's first. */
  readonly id: string | null;
}

/** What an agent must know about the store before it can ask the store. */
interface StoreNote {
  readonly members: readonly Member[];
  readonly own: OwnMember | null;
}

export interface OwnSeatInput {
  readonly node: NodeName;
  /** Of the configuration file: those of the day on which it was written. */
  readonly members: readonly Member[];
  /** False: this node never keeps the store. */
  readonly canHaveSeat: boolean;
  readonly clientPort: number;
  readonly notes: LocalNotes;
  /** Adopts or starts the process, and keeps it running. */
  readonly startMember: (member: OwnMember) => Promise<{ stop(): Promise<void> }>;
  readonly clock: Clock;
  readonly log: Log;
}

const NOTE = 'store';
const RETRY_MS = 1000;

/** Follows who keeps the store, and keeps it here when this node has a seat. */
export class OwnSeat {
  readonly #input: OwnSeatInput;
  #note: StoreNote;
  #record: SeatsRecord | null = null;
  #server: { stop(): Promise<void> } | null = null;
  #evicted: ReadonlySet<NodeName> = new Set();
  #working: Promise<void> = Promise.resolve();
  #onEvicted: () => void = () => undefined;
  #givenUp = false;

  constructor(input: OwnSeatInput) {
    this.#input = input;
    this.#note = (input.notes.read(NOTE) as StoreNote | undefined) ?? firstNote(input);
  }

  /** The members to connect to, without learners. */
  members(): readonly Member[] {
    return this.#note.members;
  }

  /** Null until the store has said it. */
  record(): SeatsRecord | null {
    return this.#record;
  }

  isEvicted(node: NodeName): boolean {
    return this.#evicted.has(node);
  }

  /** Starts this node's member of the store, if it has one. */
  async start(): Promise<void> {
    const { own } = this.#note;
    if (own !== null && this.#input.canHaveSeat) this.#server = await this.#input.startMember(own);
    // Given up by an agent that ended before its member did.
    if (this.#givenUp) await this.#stop();
  }

  /**
   * The store is no longer the one that was known. It loses its majority with the members of those who know it, so that a node
   * that was off for long, and cannot know it, does not believe what it says.
   */
  giveUp(): void {
    this.#givenUp = true;
    this.#working = this.#working.then(() => this.#stop());
  }

  async #stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    await server?.stop();
  }

  /** From now on changes of the seats are followed. `onEvicted`: this node itself was removed from the cluster. */
  follow(store: ClusterStore & StoreConnection, seats: StoreSeats, onEvicted: () => void): void {
    this.#onEvicted = onEvicted;
    const known = new Map<string, StoreEntry>();
    const changed = () => this.#changed(known, store, seats);
    store.watch(keys.formation, {
      snapshot(entries) {
        known.clear();
        for (const entry of entries) known.set(entry.key, entry);
        changed();
      },
      changes(entries) {
        for (const entry of entries) {
          if (entry.value === undefined) known.delete(entry.key);
          else known.set(entry.key, entry);
        }
        changed();
      },
      silence: () => undefined,
    });
  }

  #changed(entries: ReadonlyMap<string, StoreEntry>, store: StoreConnection, seats: StoreSeats): void {
    const evictions = [...entries.values()].filter(({ key }) => key.startsWith(keys.evictions));
    this.#evicted = new Set(evictions.map(({ value }) => (value as EvictionRecord).node));
    if (this.#evicted.has(this.#input.node)) this.#onEvicted();
    const record = entries.get(keys.storeSeats)?.value as SeatsRecord | undefined;
    if (record === undefined || JSON.stringify(record) === JSON.stringify(this.#record)) return;
    this.#record = record;
    const voters = record.members.filter((member) => !member.learner);
    store.useMembers(voters.map(({ name, address }) => ({ name, address, port: this.#input.clientPort })));
    // One after the other: each looks at what the one before has left.
    this.#working = this.#working.then(() => this.#settleUntilDone(record, seats));
  }

  /** A newer record makes it needless to go on. */
  async #settleUntilDone(record: SeatsRecord, seats: StoreSeats): Promise<void> {
    const { log, clock } = this.#input;
    while (this.#record === record && !this.#givenUp) {
      try {
        await this.#settle(record, seats);
        return;
      } catch (error) {
        log.error("This node's seat in the store could not be settled", { error });
        await clock.sleep(RETRY_MS);
      }
    }
  }

  async #settle(record: SeatsRecord, seats: StoreSeats): Promise<void> {
    const { node, canHaveSeat, log, clock } = this.#input;
    const voters = record.members.filter((member) => !member.learner).map(toMember);
    const seat = record.members.find((member) => member.name === node);
    let { own } = this.#note;
    if (seat === undefined && own !== null) {
      if (!(await this.#isRemoved(own, seats))) return;
      log.info('This node does not keep the store any more');
      await this.#stop();
      own = null;
    } else if (seat !== undefined && own?.id !== seat.id) {
      const id = await idInStore(seat.address, seats);
      if (id !== null && own !== null && (own.id === null || own.id === id)) {
        own = { ...own, id };
      } else if (id === seat.id && canHaveSeat) {
        await this.#stop();
        own = memberFor(seat, record);
      }
    }
    await this.#keep({ members: voters.length === 0 ? this.#note.members : voters, own });
    while (own !== null && canHaveSeat && this.#server === null && !this.#givenUp) {
      try {
        this.#server = await this.#input.startMember(own);
      } catch (error) {
        log.error('The member of the store could not be started', { error });
        await clock.sleep(RETRY_MS);
      }
    }
  }

  /** By the store's own list, since the record may be an old one. */
  async #isRemoved(own: OwnMember, seats: StoreSeats): Promise<boolean> {
    const address = own.initial.find(({ name }) => name === this.#input.node)?.address;
    const list = await seats.list();
    return list.length > 0 && !list.some((seat) => seat.address === address || seat.id === own.id);
  }

  async #keep(note: StoreNote): Promise<void> {
    if (JSON.stringify(note) === JSON.stringify(this.#note)) return;
    await this.#input.notes.write(NOTE, note);
    this.#note = note;
  }
}

/** The record may be an old one, above all after the store was restored from a copy; the store's own list is not. Null: no member is there. */
async function idInStore(address: string, seats: StoreSeats): Promise<string | null> {
  return (await seats.list()).find((seat) => seat.address === address)?.id ?? null;
}

function firstNote({ node, members }: OwnSeatInput): StoreNote {
  const own = members.some(({ name }) => name === node);
  return { members, own: own ? { directory: 'etcd', state: 'new', initial: members, id: null } : null };
}

function memberFor(seat: SeatRecord, record: SeatsRecord): OwnMember {
  return { directory: `etcd-${seat.id}`, state: 'existing', initial: record.members.map(toMember), id: seat.id };
}

function toMember({ name, address }: SeatRecord): Member {
  return { name, address };
}
