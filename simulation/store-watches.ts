import type { StoreEntry } from '../src/ports/store.ts';
import { cancel, type Engine, type Timer } from './engine.ts';
import type { SeededRandom } from './random.ts';

export interface Change extends StoreEntry {
  readonly revision: number;
}

export interface StoreWatcher {
  readonly machine: number;
  readonly sink: (changes: readonly Change[], revision: number) => void;
  position: number;
  timer: Timer | null;
  stalledUntil: number;
  closed: boolean;
}

/** The store, as its watches see it. */
export interface WatchedStore {
  readonly revision: number;
  /** A member of it answers a client on this machine now. */
  answers(machine: number): boolean;
}

/** The changes of the store on their way to those who watch it: they come late, in order, after a broken stream as well. */
export class StoreWatches {
  readonly #engine: Engine;
  readonly #random: SeededRandom;
  readonly #store: WatchedStore;
  readonly #watchers: StoreWatcher[] = [];
  #log: Change[] = [];

  constructor(engine: Engine, random: SeededRandom, store: WatchedStore) {
    this.#engine = engine;
    this.#random = random;
    this.#store = store;
  }

  add(machine: number, sink: StoreWatcher['sink']): StoreWatcher {
    const position = this.#store.revision;
    const watcher = { machine, sink, position, timer: null, stalledUntil: 0, closed: false };
    this.#watchers.push(watcher);
    return watcher;
  }

  remove(watcher: StoreWatcher): void {
    watcher.closed = true;
    cancel(watcher.timer);
    const index = this.#watchers.indexOf(watcher);
    if (index >= 0) this.#watchers.splice(index, 1);
    this.#trim();
  }

  /** The store is set back: nobody watches any more. */
  removeAll(): void {
    this.#log = [];
    for (const watcher of [...this.#watchers]) this.remove(watcher);
  }

  /** Kept until `tell`. */
  note(change: Change): void {
    this.#log.push(change);
  }

  tell(): void {
    for (const watcher of this.#watchers) this.#schedule(watcher);
  }

  #schedule(watcher: StoreWatcher): void {
    if (watcher.timer !== null) return;
    const stall = Math.max(0, watcher.stalledUntil - this.#engine.now);
    const delay = stall + 2 + 18 * this.#random.unit();
    watcher.timer = this.#engine.after(delay, () => this.#deliver(watcher));
  }

  #deliver(watcher: StoreWatcher): void {
    const { revision } = this.#store;
    watcher.timer = null;
    if (watcher.closed || watcher.position >= revision) return;
    if (!this.#store.answers(watcher.machine)) {
      // The stream is broken; the client comes again.
      watcher.timer = this.#engine.after(250 + 100 * this.#random.unit(), () => this.#deliver(watcher));
      return;
    }
    const changes = this.#log.slice(this.#indexOf(watcher.position));
    watcher.position = revision;
    if (this.#log.length > 4096) this.#trim();
    watcher.sink(changes, revision);
  }

  /** The first entry of the log after this revision. */
  #indexOf(revision: number): number {
    let low = 0;
    let high = this.#log.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#log[middle] as Change).revision > revision) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Of what all have been told nothing is kept. */
  #trim(): void {
    const oldest = this.#watchers.reduce((least, { position }) => Math.min(least, position), this.#store.revision);
    this.#log = this.#log.slice(this.#indexOf(oldest));
  }
}
