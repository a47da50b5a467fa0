import type { IdentityPem } from './pki.ts';
import type { NodeName } from '../model/names.ts';

/** One member of the store, as the store itself has it. */
export interface StoreSeat {
  /** Hexadecimal, as the store's own tools print it. */
  readonly id: string;
  readonly address: string;
  /** Null until the member has started for the first time. */
  readonly name: NodeName | null;
  /** Gets all data, has no vote yet. */
  readonly learner: boolean;
}

/** How one member answers. */
export interface SeatHealth {
  readonly id: string;
  readonly healthy: boolean;
  readonly leader: boolean;
  /** Position in the store's log up to which the member has applied it; null: it did not answer. */
  readonly appliedIndex: number | null;
}

/** The members of the store, and changes of them. One change at a time. All throw STORE_UNAVAILABLE when the store does not do it. */
export interface StoreSeats {
  /** As the store's leader has it. */
  list(): Promise<readonly StoreSeat[]>;
  /** `names`: of members that have not started, by address: their certificates are checked against these. */
  health(seats: readonly StoreSeat[], names: ReadonlyMap<string, NodeName>): Promise<readonly SeatHealth[]>;
  addLearner(address: string): Promise<StoreSeat>;
  /** The store refuses while the learner has not caught up. */
  promote(id: string): Promise<void>;
  remove(id: string): Promise<void>;
}

/** Copies of the whole database, for an administrator who has to restore it. */
export interface StoreSnapshots {
  /** On this node's disk, and proven to be whole, when this returns; only the newest three are kept. Throws STORE_UNAVAILABLE. */
  take(): Promise<{ readonly path: string; readonly bytes: number }>;
}

/** The connection to the store, which outlives its members' and its own certificate's change. */
export interface StoreConnection {
  /** Who keeps the store from now on, without learners. An empty list is ignored. */
  useMembers(members: readonly { readonly name: NodeName; readonly address: string; readonly port: number }[]): void;
  /** PEM. */
  useIdentity(identity: IdentityPem): void;
}
