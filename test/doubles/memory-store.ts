import { GodwitError } from '../../src/model/errors.ts';
import type {
  ClusterStore,
  StoreEntry,
  StoreMember,
  Transaction,
  TransactionOutcome,
  Watch,
  WatchListener,
} from '../../src/ports/store.ts';

/** What happens to the next transaction. `unknown-applied`: applied, and the answer is lost; `unknown-lost`: it never arrives. */
export type Mishap = 'unknown-applied' | 'unknown-lost';

interface Watcher {
  readonly prefix: string;
  readonly listener: WatchListener;
}

/**
 * The cluster's database in memory: transactions, revisions and watches as etcd has them; values
 * go through JSON. Watchers hear of a change a microtask after it, in order.
 */
export class MemoryStore implements ClusterStore {
  /** Every transaction that was tried, in order. */
  readonly tried: Transaction[] = [];
  /** Taken one per transaction. */
  readonly mishaps: Mishap[] = [];
  /** Run before the next transaction is judged, once: what somebody else does just before. */
  beforeNext: (() => void) | null = null;
  readonly #entries = new Map<string, StoreEntry>();
  readonly #watchers = new Set<Watcher>();
  #revision = 1;
  #quorum = true;
  #watchesStall = false;

  /** Without quorum, reads throw and transactions end unknown; watches are silent. */
  setQuorum(held: boolean): void {
    this.#quorum = held;
    for (const watcher of this.#watchers) watcher.listener.silence(!held);
  }

  /** Nothing comes through the watches, and they say so if `noticed`; all else goes on. */
  stallWatches({ noticed }: { readonly noticed: boolean }): void {
    this.#watchesStall = true;
    if (noticed) for (const watcher of this.#watchers) watcher.listener.silence(true);
  }

  /** Writes without compares, as another agent would. */
  put(values: Readonly<Record<string, unknown>>): void {
    this.#write(
      Object.entries(values).map(([key, value]) => (value === undefined ? { delete: key } : { put: key, value })),
    );
  }

  /** All keys with their values, sorted: to compare before and after. */
  contents(): Record<string, unknown> {
    return Object.fromEntries(this.#under('').map((entry) => [entry.key, entry.value]));
  }

  value<T>(key: string): T | undefined {
    return this.#entries.get(key)?.value as T | undefined;
  }

  async transact(transaction: Transaction): Promise<TransactionOutcome> {
    this.tried.push(transaction);
    const before = this.beforeNext;
    this.beforeNext = null;
    before?.();
    if (!this.#quorum) return { kind: 'unknown', reason: 'the store has no quorum' };
    const mishap = this.mishaps.shift();
    if (mishap === 'unknown-lost') return { kind: 'unknown', reason: 'deadline exceeded' };
    const held = transaction.compare.every(
      (compare) => (this.#entries.get(compare.key)?.modRevision ?? '0') === compare.modRevision,
    );
    if (!held) {
      const current = transaction.compare.flatMap((compare) => this.#entries.get(compare.key) ?? []);
      return { kind: 'compare-failed', current };
    }
    this.#write(transaction.write);
    if (mishap === 'unknown-applied') return { kind: 'unknown', reason: 'deadline exceeded' };
    return { kind: 'applied', revision: String(this.#revision) };
  }

  async get(key: string): Promise<StoreEntry | undefined> {
    this.#requireQuorum();
    return this.#entries.get(key);
  }

  async list(prefix: string): Promise<readonly StoreEntry[]> {
    this.#requireQuorum();
    return this.#under(prefix);
  }

  watch(prefix: string, listener: WatchListener): Watch {
    const watcher = { prefix, listener };
    this.#watchers.add(watcher);
    const [entries, revision] = [this.#under(prefix), String(this.#revision)];
    queueMicrotask(() => {
      if (this.#watchers.has(watcher)) listener.snapshot(entries, revision);
    });
    return { close: () => void this.#watchers.delete(watcher) };
  }

  async members(): Promise<readonly StoreMember[]> {
    return ['node1', 'node2', 'witness'].map((name, index) => ({
      name,
      endpoint: `memory://${name}`,
      healthy: this.#quorum || index === 0,
      leader: this.#quorum && index === 0,
      version: '3.5.16',
      sizeBytes: 4096,
    }));
  }

  close(): void {
    this.#watchers.clear();
  }

  #requireQuorum(): void {
    if (this.#quorum) return;
    throw new GodwitError({
      code: 'STORE_UNAVAILABLE',
      message: 'The cluster database did not answer within 2000 ms.',
      state: 'Nothing was changed.',
      nextStep: 'Bring back enough members of the database for a majority.',
    });
  }

  #under(prefix: string): StoreEntry[] {
    return [...this.#entries.values()]
      .filter((entry) => entry.key.startsWith(prefix))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** All writes of one transaction have one revision. */
  #write(writes: Transaction['write']): void {
    this.#revision += 1;
    const modRevision = String(this.#revision);
    const changed: StoreEntry[] = [];
    for (const write of writes) {
      if ('put' in write) {
        const entry = { key: write.put, value: JSON.parse(JSON.stringify(write.value)) as unknown, modRevision };
        this.#entries.set(entry.key, entry);
        changed.push(entry);
      } else if (this.#entries.delete(write.delete)) {
        changed.push({ key: write.delete, value: undefined, modRevision });
      }
    }
    for (const watcher of this.#watchesStall ? [] : this.#watchers) {
      const concerned = changed.filter((entry) => entry.key.startsWith(watcher.prefix));
      if (concerned.length === 0) continue;
      queueMicrotask(() => {
        if (this.#watchers.has(watcher)) watcher.listener.changes(concerned, modRevision);
      });
    }
  }
}
