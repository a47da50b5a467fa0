import type { GodwitError } from '../model/errors.ts';
import type { Revision } from '../model/names.ts';

/** One answer of the store to a request of its own; what a watch delivers is none. */
export interface AnsweredRevision {
  /** What {@link StoreHistory.newest} was when the request was sent. */
  readonly known: Revision;
  /** The store's, in the answer. */
  readonly revision: Revision;
  /** `log`: a transaction that may write. `read`: a linearizable read. */
  readonly through: 'log' | 'read';
}

/** How far the store had come, as this machine knows: whether it is still the same one, or was set back to an old copy. */
export interface StoreHistory {
  /** The newest revision known, "0" for none. To be taken when a request is sent. */
  newest(): Revision;
  /**
   * `believe`: the answer may be handed on. `ask-again`: it may not, and the same member is to be asked through the log whether the
   * store has gone back. `refuse`: neither this answer nor any later one may be handed on.
   */
  take(answer: AnsweredRevision): 'believe' | 'ask-again' | 'refuse';
  /** STORE_UNAVAILABLE, for good, once the store has gone back in time; null until then. */
  goneBack(): GodwitError | null;
}
