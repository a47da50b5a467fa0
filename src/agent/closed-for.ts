import type { MigrationId, VmName } from '../model/names.ts';
import type { AgentPorts } from './agent-ports.ts';

/** Something on this node that serves a migration which other nodes drive. */
export interface KeptForMigration {
  readonly migrationId: MigrationId;
  readonly vm: VmName;
  /** When this node noticed that the migration is closed, on its monotonic clock; null while it is open. */
  closedAtMs: number | null;
}

/**
 * How long the migration has been closed, in milliseconds: since the first look that found it so. 0 while it is open, and while the store
 * is silent. Only for one that is looked at again and again: a view that lags behind has not seen the intent at first.
 */
export function closedForMs(kept: KeptForMigration, { clock, view }: Pick<AgentPorts, 'clock' | 'view'>): number {
  if (!view.fresh()) return 0;
  const nowMs = clock.monotonicMs();
  const isOpen = view.current().vms.get(kept.vm)?.intent?.value.migrationId === kept.migrationId;
  kept.closedAtMs = isOpen ? null : (kept.closedAtMs ?? nowMs);
  return nowMs - (kept.closedAtMs ?? nowMs);
}
