import type { NodeLoad } from '../contract/load.ts';
import type { ClusterReader } from '../model/cluster-state.ts';
import type { ClusterEvent } from '../model/events.ts';
import type { Clock } from '../ports/clock.ts';
import { ClusterNews, type ClusterNewsContext } from './cluster-news.ts';
import type { EventReader } from './event-history.ts';
import { eventView } from './events.ts';
import { snapshotMessages } from './live-snapshot.ts';
import type { LoadHistory } from './load-history.ts';
import { type Said, ShownTexts } from './shown-texts.ts';
import { shownNow } from './views.ts';

/** Changes within this time go out together. */
const COALESCE_MS = 100;
/** A node that falls silent changes nothing in the store, so somebody has to look. */
const LOOK_PERIOD_MS = 1000;

export interface LiveFeedContext extends ClusterNewsContext {
  readonly nodeName: string;
  readonly history: EventReader;
  readonly loads: LoadHistory;
}

type Listener = (said: readonly Said[]) => void;

/**
 * What the live channel says: compares what is to be shown now with what was said last, and says what
 * differs, one message per object. Works only while somebody listens.
 */
export class LiveFeed {
  readonly #context: LiveFeedContext;
  readonly #reader: ClusterReader;
  readonly #clock: Clock;
  readonly #cluster: ClusterNews;
  readonly #listeners = new Set<Listener>();
  #texts = new ShownTexts();
  #fresh = false;
  #stop: (() => void) | null = null;
  #due = false;

  constructor(context: LiveFeedContext) {
    this.#context = context;
    this.#reader = context.reader;
    this.#clock = context.clock;
    this.#cluster = new ClusterNews(context, (json) =>
      this.#say([{ object: 'cluster', text: `{"type":"cluster","cluster":${json}}` }]),
    );
  }

  /** Says the snapshot at once, then changes. Returns a function that ends it. */
  listen(listener: Listener): () => void {
    if (this.#listeners.size === 0) this.#start();
    // The others hear what has happened up to here; then this snapshot has it as well.
    this.#tell();
    listener(this.#snapshot());
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
    this.#texts = new ShownTexts();
  }

  #start(): void {
    const { history, loads } = this.#context;
    const ends = [
      this.#reader.subscribe(() => this.#schedule()),
      this.#clock.every(LOOK_PERIOD_MS, () => this.#tell()),
      history.subscribe((event) => this.#say([aboutEvent(event)])),
      loads.subscribe((load) => this.#say([aboutLoad(load)])),
      this.#cluster.start(),
    ];
    this.#stop = () => {
      for (const end of ends) end();
    };
  }

  #schedule(): void {
    if (this.#due) return;
    this.#due = true;
    this.#clock.after(COALESCE_MS, () => {
      this.#due = false;
      if (this.#listeners.size > 0) this.#tell();
    });
  }

  #tell(): void {
    const said = this.#texts.changes(shownNow(this.#reader));
    const fresh = this.#reader.fresh();
    if (fresh !== this.#fresh) said.push({ object: 'freshness', text: JSON.stringify({ type: 'freshness', fresh }) });
    this.#fresh = fresh;
    this.#say(said);
  }

  #say(said: readonly Said[]): void {
    if (said.length === 0) return;
    for (const listener of [...this.#listeners]) listener(said);
  }

  #snapshot(): Said[] {
    const head = {
      ...{ node: this.#context.nodeName, fresh: this.#fresh, cluster: this.#cluster.json() },
      loads: JSON.stringify(this.#context.loads.newest()),
    };
    const messages = snapshotMessages(head, this.#texts.lists());
    return messages.map((text, index) => ({ object: `snapshot ${index}`, text }));
  }
}

function aboutEvent(event: ClusterEvent): Said {
  return { object: `event ${event.id}`, text: JSON.stringify({ type: 'event', event: eventView(event) }) };
}

function aboutLoad(load: NodeLoad): Said {
  return { object: `load ${load.node}`, text: JSON.stringify({ type: 'load', load }) };
}
