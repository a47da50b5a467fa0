import type { LiveMessage } from '../contract/live.ts';
import type { ClusterReader } from '../model/cluster-state.ts';
import type { ClusterEvent } from '../model/events.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventReader } from './event-history.ts';
import { eventView } from './events.ts';
import { migrationId, migrationViews, nodeViews, openMigrationViews, shownNow, vmViews } from './views.ts';

/** Changes within this time go out together. */
const COALESCE_MS = 100;
/** A node that falls silent changes nothing in the store, so somebody has to look. */
const LOOK_PERIOD_MS = 1000;

/**
 * What the live channel says: compares what is to be shown now with what was said last, and says what
 * differs, one message per object. Works only while somebody listens.
 */
export class LiveFeed {
  readonly #reader: ClusterReader;
  readonly #clock: Clock;
  readonly #history: EventReader;
  readonly #listeners = new Set<(text: string) => void>();
  #said = new Map<string, string>();
  #stop: (() => void) | null = null;
  #due = false;

  constructor(reader: ClusterReader, clock: Clock, history: EventReader) {
    this.#reader = reader;
    this.#clock = clock;
    this.#history = history;
  }

  /** Says the snapshot at once, then changes. Returns a function that ends it. */
  listen(listener: (text: string) => void): () => void {
    if (this.#listeners.size === 0) this.#start();
    listener(JSON.stringify(this.#snapshot()));
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.close();
    };
  }

  close(): void {
    this.#stop?.();
    this.#stop = null;
    this.#listeners.clear();
  }

  #start(): void {
    this.#said = this.#current();
    const unsubscribe = this.#reader.subscribe(() => this.#schedule());
    const stopLooking = this.#clock.every(LOOK_PERIOD_MS, () => this.#tell());
    const endEvents = this.#history.subscribe((event) => this.#say([eventMessage(event)]));
    this.#stop = () => {
      unsubscribe();
      endEvents();
      stopLooking();
    };
  }

  #schedule(): void {
    if (this.#due) return;
    this.#due = true;
    this.#clock.after(COALESCE_MS, () => {
      this.#due = false;
      this.#tell();
    });
  }

  #tell(): void {
    if (this.#listeners.size === 0) return;
    const current = this.#current();
    const texts = [...current].filter(([object, text]) => this.#said.get(object) !== text).map(([, text]) => text);
    for (const object of this.#said.keys()) {
      const gone = current.has(object) ? null : farewell(object);
      if (gone !== null) texts.push(JSON.stringify(gone));
    }
    this.#said = current;
    this.#say(texts);
  }

  #say(texts: readonly string[]): void {
    for (const listener of [...this.#listeners]) for (const text of texts) listener(text);
  }

  #snapshot(): LiveMessage {
    const shown = shownNow(this.#reader);
    const migrations = openMigrationViews(shown.state);
    return { type: 'snapshot', vms: vmViews(shown), nodes: nodeViews(shown), migrations, fresh: this.#reader.fresh() };
  }

  /** By object ("vm WebServer"), the message that says all about it. A migration stays the same object when it ends. */
  #current(): Map<string, string> {
    const shown = shownNow(this.#reader);
    const messages: [string, LiveMessage][] = [
      ...vmViews(shown).map((vm): [string, LiveMessage] => [`vm ${vm.name}`, { type: 'vm', vm }]),
      ...nodeViews(shown).map((node): [string, LiveMessage] => [`node ${node.name}`, { type: 'node', node }]),
      ...migrationViews(shown.state).map((migration): [string, LiveMessage] => [
        `migration ${migrationId(migration)}`,
        { type: 'migration', migration },
      ]),
      ['freshness', { type: 'freshness', fresh: this.#reader.fresh() }],
    ];
    return new Map(messages.map(([object, message]) => [object, JSON.stringify(message)]));
  }
}

function eventMessage(event: ClusterEvent): string {
  const message: LiveMessage = { type: 'event', event: eventView(event) };
  return JSON.stringify(message);
}

function farewell(object: string): LiveMessage | null {
  const [kind, name = ''] = object.split(' ');
  if (kind === 'vm') return { type: 'vm-deleted', name };
  return kind === 'node' ? { type: 'node-removed', name } : null;
}
