import type { ClusterEvent } from '../model/events.ts';
import { EVENTS_PREFIX } from '../model/keys.ts';
import type { Revision } from '../model/names.ts';
import type { ClusterStore, StoreEntry } from '../ports/store.ts';

/** The event log as this node knows it. */
export interface EventReader {
  /** In order of their ids, so of the time at which they happened. */
  all(): readonly StoredEvent[];
  /** Revision up to which nothing is missing. */
  revision(): Revision;
  /** False while the store is silent. */
  fresh(): boolean;
  /** Called with each event that is new; returns a function that ends it. */
  subscribe(listener: (event: ClusterEvent) => void): () => void;
}

export interface StoredEvent {
  readonly event: ClusterEvent;
  /** At which it was stored: it is never changed. */
  readonly revision: Revision;
}

/** A copy of the event log, kept current by one watch: asking for events costs the store nothing, and works without it. */
export class EventHistory implements EventReader {
  readonly #events = new Map<string, StoredEvent>();
  readonly #listeners = new Set<(event: ClusterEvent) => void>();
  readonly #end: () => void;
  #sorted: readonly StoredEvent[] | null = null;
  #revision: Revision = '0';
  #fresh = false;

  constructor(store: ClusterStore) {
    const watch = store.watch(EVENTS_PREFIX, {
      snapshot: (entries, revision) => {
        const known = new Set(this.#events.keys());
        const first = this.#revision === '0';
        this.#events.clear();
        for (const entry of entries) this.#apply(entry);
        this.#heard(revision);
        // At the start everything is old; later a snapshot may hold what a broken watch has missed.
        if (!first) this.#tell(entries.filter(({ key }) => !known.has(key)));
      },
      changes: (entries, revision) => {
        for (const entry of entries) this.#apply(entry);
        this.#heard(revision);
        this.#tell(entries);
      },
      silence: (silent) => {
        this.#fresh = !silent;
      },
    });
    this.#end = () => watch.close();
  }

  all(): readonly StoredEvent[] {
    this.#sorted ??= [...this.#events.values()].sort((a, b) => (a.event.id < b.event.id ? -1 : 1));
    return this.#sorted;
  }

  revision(): Revision {
    return this.#revision;
  }

  fresh(): boolean {
    return this.#fresh;
  }

  subscribe(listener: (event: ClusterEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#end();
  }

  #apply({ key, value, modRevision }: StoreEntry): void {
    if (value === undefined) this.#events.delete(key);
    else this.#events.set(key, { event: value as ClusterEvent, revision: modRevision });
    this.#sorted = null;
  }

  #heard(revision: Revision): void {
    this.#revision = revision;
    this.#fresh = true;
  }

  #tell(entries: readonly StoreEntry[]): void {
    for (const { value } of entries) {
      if (value === undefined) continue;
      for (const listener of [...this.#listeners]) listener(value as ClusterEvent);
    }
  }
}
