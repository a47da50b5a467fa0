import type { MigrationIntent } from '../src/model/intent.ts';
import type { World } from './world.ts';

/** Of a migration that has ended: as much of it as decisions about later moves look at. */
export function receiptOf(
  { migrationId, vm, source, destination, requestedAt }: MigrationIntent,
  { outcome, reason, world }: { readonly outcome: string; readonly reason: string; readonly world: World },
): object {
  const ended = { outcome, reason, endedAt: world.isoNow() };
  return { id: migrationId, vm, source, destination, mode: 'live', startedAt: requestedAt, ...ended };
}
