import type { ClusterEvent } from '../../model/events.ts';
import { eventKey } from '../../model/keys.ts';
import type { NodeName } from '../../model/names.ts';
import type { Clock, Ids } from '../../ports/clock.ts';
import type { EventLog, NewEvent } from '../../ports/events.ts';
import type { Log } from '../../ports/log.ts';
import type { ClusterStore } from '../../ports/store.ts';
import { EventSpool } from './event-spool.ts';
import { pruneEvents } from './prune.ts';

export interface EventLogOptions {
  readonly node: NodeName;
  /** In the state directory: it has to survive a boot. */
  readonly spoolFile: string;
  readonly store: ClusterStore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  /** 0 to 1; Math.random by default. About one event in a hundred makes its agent prune: no agent is in charge of it. */
  readonly random?: () => number;
}

export interface SpooledEventLog extends EventLog {
  /** Tries once more to store what is left; what cannot be stored stays in the spool for the next agent. */
  close(): Promise<void>;
}

/** Not stored yet, on disk and in memory, in bytes. Beyond it the oldest uncritical ones are dropped, then the oldest. */
const SPOOL_BYTES_MAX = 1024 * 1024;
/** Events of one transaction. */
const BATCH = 50;
const RETRY_MS = 1000;
const RETRY_MAX_MS = 10_000;
const PRUNE_CHANCE = 1 / 100;
/** In characters; an error's text may be of any length. */
const TEXT_MAX = 1000;

/** Begins at once with what earlier agents of this node had not stored. */
export function createEventLog(options: EventLogOptions): SpooledEventLog {
  return new SpoolingLog(options);
}

class SpoolingLog implements SpooledEventLog {
  readonly #options: EventLogOptions;
  readonly #spool: EventSpool;
  /** In order of their ids; all of them are in the spool. */
  #waiting: ClusterEvent[];
  #lastId = '';
  #dropped = 0;
  #storing: Promise<void> | null = null;
  #pruneDue = true;
  #retryMs = RETRY_MS;
  #cancelRetry: (() => void) | null = null;
  #closed = false;

  constructor(options: EventLogOptions) {
    this.#options = options;
    this.#spool = new EventSpool(options.spoolFile, (error) =>
      options.log.error('The spool of the event log cannot be used', { error, file: options.spoolFile }),
    );
    this.#waiting = this.#spool.load();
    this.#lastId = this.#waiting.at(-1)?.id ?? '';
    this.#shrink();
    if (this.#waiting.length > 0) this.#store();
  }

  say(event: NewEvent): void {
    const said: ClusterEvent = {
      ...{ id: this.#nextId(), at: new Date(this.#options.clock.wallMs()).toISOString(), by: this.#options.node },
      ...{ kind: event.kind, critical: event.critical, node: event.node, vm: event.vm },
      ...{ text: event.text.slice(0, TEXT_MAX), reason: event.reason.slice(0, TEXT_MAX) },
    };
    this.#options.log.info('Event', { event: said });
    this.#waiting.push(said);
    this.#spool.append(said);
    this.#shrink();
    if ((this.#options.random ?? Math.random)() < PRUNE_CHANCE) this.#pruneDue = true;
    this.#store();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry?.();
    await this.#storing;
    await this.#storeBatches();
    await this.#spool.written();
  }

  /** Two ids of one millisecond are in no particular order, but what this agent says is told in its order. */
  #nextId(): string {
    const id = this.#options.ids.migrationId();
    const sameTime = id.slice(0, TIME_CHARACTERS) === this.#lastId.slice(0, TIME_CHARACTERS);
    this.#lastId = sameTime && id <= this.#lastId ? successor(this.#lastId) : id;
    return this.#lastId;
  }

  #shrink(): void {
    if (this.#spool.sizeBytes <= SPOOL_BYTES_MAX) return;
    const before = this.#waiting.length;
    this.#waiting = newestWithin(this.#waiting, SPOOL_BYTES_MAX / 2);
    this.#dropped += before - this.#waiting.length;
    this.#spool.replace(this.#waiting);
  }

  #store(): void {
    if (this.#storing !== null || this.#cancelRetry !== null || this.#closed) return;
    this.#storing = this.#storeBatches()
      .then((done) => {
        this.#storing = null;
        if (done) this.#retryMs = RETRY_MS;
        else this.#retryLater();
        // Said while the last answer was on its way.
        if (done && this.#waiting.length > 0) this.#store();
      })
      .catch((error: unknown) => {
        this.#storing = null;
        this.#options.log.error('Events could not be stored', { error });
        this.#retryLater();
      });
  }

  #retryLater(): void {
    if (this.#closed) return;
    this.#cancelRetry = this.#options.clock.after(this.#retryMs, () => {
      this.#cancelRetry = null;
      this.#store();
    });
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
  }

  /** True once nothing is left. Writing an event twice is harmless: it has one key and never changes. */
  async #storeBatches(): Promise<boolean> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, BATCH);
      const write = batch.map((event) => ({ put: eventKey(event.id), value: event }));
      const outcome = await this.#options.store.transact({ compare: [], write });
      if (outcome.kind !== 'applied') return false;
      const stored = new Set(batch);
      this.#waiting = this.#waiting.filter((event) => !stored.has(event));
    }
    if (this.#spool.sizeBytes > 0) this.#spool.replace([]);
    if (this.#dropped > 0) {
      this.#options.log.warn('Events were dropped while the store was away', { dropped: this.#dropped });
      this.#dropped = 0;
    }
    await this.#prune();
    return true;
  }

  async #prune(): Promise<void> {
    if (!this.#pruneDue) return;
    this.#pruneDue = false;
    try {
      await pruneEvents(this.#options.store, this.#options.clock.wallMs());
    } catch (error) {
      this.#pruneDue = true;
      this.#options.log.debug('Old events could not be deleted now', { error });
    }
  }
}

/** The newest that fit, critical ones first; in their order. */
function newestWithin(events: readonly ClusterEvent[], bytesMax: number): ClusterEvent[] {
  const sizeOf = (event: ClusterEvent) => Buffer.byteLength(JSON.stringify(event)) + 1;
  const kept = new Set<ClusterEvent>();
  let left = bytesMax;
  const inOrder = [
    ...events.filter((event) => event.critical).reverse(),
    ...events.filter((event) => !event.critical).reverse(),
  ];
  for (const event of inOrder) {
    left -= sizeOf(event);
    if (left < 0) break;
    kept.add(event);
  }
  return events.filter((event) => kept.has(event));
}

// Crockford's base 32, as in the ids.
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const TIME_CHARACTERS = 10;

/** The next id in order: counts up from the last character. */
function successor(id: string): string {
  const last = ALPHABET.indexOf(id.slice(-1));
  if (id.length <= TIME_CHARACTERS) return id;
  if (last < ALPHABET.length - 1) return id.slice(0, -1) + ALPHABET.charAt(last + 1);
  return `${successor(id.slice(0, -1))}0`;
}
