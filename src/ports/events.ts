import type { NewEvent } from '../model/events.ts';

export type { NewEvent } from '../model/events.ts';

/**
 * The cluster's event log. What is said while the store cannot be reached is kept on this node's disk and stored once it can
 * be, with the time at which it happened.
 */
export interface EventLog {
  /** Never throws and never waits. */
  say(event: NewEvent): void;
}
