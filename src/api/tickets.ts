import { randomBytes } from 'node:crypto';
import type { Clock } from '../ports/clock.ts';

export const TICKET_VALID_MS = 20_000;
const TICKETS_MAX = 1000;

/** Tickets of this node: each opens one WebSocket, soon, for a page whose browser sends no cookie here. */
export class Tickets {
  readonly #clock: Clock;
  readonly #open = new Map<string, { readonly session: string; readonly untilMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  give(session: string): string {
    const nowMs = this.#clock.monotonicMs();
    for (const [ticket, { untilMs }] of this.#open) {
      if (untilMs < nowMs || this.#open.size >= TICKETS_MAX) this.#open.delete(ticket);
    }
    const ticket = randomBytes(24).toString('base64url');
    this.#open.set(ticket, { session, untilMs: nowMs + TICKET_VALID_MS });
    return ticket;
  }

  /** The id of the session that it was given to; null if it is none, or was used, or is old. */
  take(ticket: string): string | null {
    const given = this.#open.get(ticket);
    this.#open.delete(ticket);
    return given === undefined || given.untilMs < this.#clock.monotonicMs() ? null : given.session;
  }
}
