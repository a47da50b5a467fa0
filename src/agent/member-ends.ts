import type { NodeName } from '../model/names.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventLog, NewEvent } from '../ports/events.ts';

/** One that ends again and again, as on a full disk, does not fill the event log. */
const SAID_AGAIN_AFTER_MS = 60_000;

/** Says when this node's member of the store has ended by itself, and why. It may do so before there is an event log. */
export class MemberEnds {
  readonly #node: NodeName;
  readonly #clock: Clock;
  #events: EventLog | null = null;
  #waiting: NewEvent | null = null;
  #said: { readonly reason: string; readonly atMs: number } | null = null;

  constructor(node: NodeName, clock: Clock) {
    this.#node = node;
    this.#clock = clock;
  }

  /** `words`: its own, on why; null if it said nothing. */
  ended(words: string | null): void {
    const reason =
      words === null ? 'It was killed, or said nothing about it; see etcd.log on the node.' : `It says: ${words}.`;
    const atMs = this.#clock.monotonicMs();
    const known = this.#said !== null && atMs - this.#said.atMs < SAID_AGAIN_AFTER_MS;
    // Why it ended the first time may be another matter than why it does not start again.
    if (known && (words === null || reason === this.#said?.reason)) return;
    this.#said = { reason, atMs };
    const event: NewEvent = {
      ...{ kind: 'store-member-ended', critical: true, node: this.#node, vm: null },
      text: `The database's member on ${this.#node} has ended; its agent starts it again.`,
      reason,
    };
    if (this.#events === null) this.#waiting = event;
    else this.#events.say(event);
  }

  tell(events: EventLog): void {
    this.#events = events;
    if (this.#waiting !== null) events.say(this.#waiting);
    this.#waiting = null;
  }
}
