import type { MigrationId, NodeName, Revision, VmName } from './names.ts';

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
