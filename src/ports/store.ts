import type { Revision } from '../model/names.ts';
import type { Transaction } from '../model/transaction.ts';

/** One key of the cluster's database with its value (JSON, decoded) and the revision at which it was last written. */
export interface StoreEntry {
  readonly key: string;
  readonly value: unknown;
  readonly modRevision: Revision;
}

export type { Compare, Transaction, Write } from '../model/transaction.ts';

/**
 * - `applied`: every compare held, the writes are durable at `revision`.
 * - `compare-failed`: a compare did not hold, nothing was written; `current` has the compared keys as they are (absent keys left out).
 * - `unknown`: no answer in time; it may or may not have been applied. Read, then decide again: the same
 *   compares make repeating it harmless.
 */
export type TransactionOutcome =
  | { readonly kind: 'applied'; readonly revision: Revision }
  | { readonly kind: 'compare-failed'; readonly current: readonly StoreEntry[] }
  | { readonly kind: 'unknown'; readonly reason: string };

export interface WatchListener {
  /** The whole prefix at `revision`: at the start, after compaction, and whenever continuity was lost. Replaces all that was known. */
  snapshot(entries: readonly StoreEntry[], revision: Revision): void;
  /** Changes in order of revision; a deleted key has `value: undefined`. Never a revision lower than one seen. */
  changes(entries: readonly StoreEntry[], revision: Revision): void;
  /** The watch has heard nothing from the store for `silentForMs` (it keeps trying by itself), and `false` once it hears again. */
  silence(silent: boolean): void;
}

export interface Watch {
  close(): void;
}

export interface StoreMember {
  readonly name: string;
  readonly endpoint: string;
  readonly healthy: boolean;
  readonly leader: boolean;
  readonly version: string | null;
  /** Database size in bytes. */
  readonly sizeBytes: number | null;
}

/** The cluster's database. Linearizable; every safety decision is a transaction that contains a write. */
export interface ClusterStore {
  /** Never throws for the store's absence: that is `unknown`. `deadlineMs` (default 2000) covers all endpoints tried. */
  transact(transaction: Transaction, deadlineMs?: number): Promise<TransactionOutcome>;
  /** Linearizable read of one key; undefined if absent. Throws STORE_UNAVAILABLE after the deadline (default 2000 ms). */
  get(key: string, deadlineMs?: number): Promise<StoreEntry | undefined>;
  /** Linearizable read of a prefix. Throws STORE_UNAVAILABLE. */
  list(prefix: string, deadlineMs?: number): Promise<readonly StoreEntry[]>;
  watch(prefix: string, listener: WatchListener): Watch;
  /** Health of every member; a member that does not answer within 1 s is unhealthy. */
  members(): Promise<readonly StoreMember[]>;
  close(): void;
}
