import type { MigrationId, NodeName, Revision, VmName } from './names.ts';

/**
 * How guest memory is made smaller on its way. `xbzrle` sends differences of pages that were sent before; `multifd-zstd` compresses
 * everything on several channels. Never both: QEMU 7.2 accepts that without a word, newer ones refuse it.
 */
export type TransferCompression = 'none' | 'xbzrle' | 'multifd-zstd';

/** What was expected when a migration was requested. Milliseconds; null where nothing could be said. */
export interface MigrationForecast {
  readonly totalMs: number | null;
  readonly blackoutMs: number | null;
  /** Whether the guest's memory is expected to fit the budget in the end; null if that could not be said. */
  readonly converges: boolean | null;
  /** What the forecast rests on, in plain words. */
  readonly reason: string;
}

/**
 * The migration intent: the durable record that a migration is open. While it exists both nodes
 * are suspect, and nobody starts the VM from its disk. Key `vms/<name>/intent`. Written once, in one
 * transaction with the memory reservation on the destination; deleted by the transaction that ends the migration.
 */
export interface MigrationIntent {
  readonly migrationId: MigrationId;
  readonly vm: VmName;
  readonly source: NodeName;
  readonly destination: NodeName;
  /** Revision of the owner key when the intent was written: the epoch that may be handed over. */
  readonly epoch: Revision;
  readonly mode: 'live';
  /** Longest blackout allowed, in milliseconds. */
  readonly budgetMs: number;
  /** To which the budget may be widened if the guest does not converge otherwise; equal to `budgetMs` unless the user allowed more. */
  readonly budgetMaxMs: number;
  readonly compression: TransferCompression;
  /** Why this one. */
  readonly compressionReason: string;
  readonly forecast: MigrationForecast;
  /** Upper limit of the transfer rate; null for as fast as the link allows. */
  readonly bandwidthBytesPerSecond: number | null;
  /** Whether guest memory crosses the network under TLS. */
  readonly encrypted: boolean;
  /** Hash of the definition; both ends start from the same one. */
  readonly definitionHash: string;
  readonly requestedAt: string;
}

/** Key `vms/<name>/cancel`. */
export interface CancelRequest {
  readonly migrationId: MigrationId;
  readonly reason: string;
  readonly at: string;
}
