import type { InstanceEvent, MigrationStatus, RunState } from '../../ports/hypervisor.ts';
import type { QmpEvent } from './qmp-client.ts';

const RUN_STATES: ReadonlySet<string> = new Set<RunState>([
  'running',
  'paused',
  'prelaunch',
  'inmigrate',
  'finish-migrate',
  'postmigrate',
  'shutdown',
  'io-error',
]);

export function runStateOf(status: unknown): RunState {
  return typeof status === 'string' && RUN_STATES.has(status) ? (status as RunState) : 'other';
}

const MIGRATION_STATUSES: ReadonlySet<string> = new Set<MigrationStatus>([
  'none',
  'setup',
  'active',
  'pre-switchover',
  'device',
  'completed',
  'failed',
  'cancelling',
  'cancelled',
]);

/** Absent means that no migration was ever begun. A status that is not told apart here belongs to one that goes on. */
export function migrationStatusOf(status: unknown): MigrationStatus {
  if (typeof status !== 'string') return 'none';
  if (status === 'wait-unplug') return 'setup';
  return MIGRATION_STATUSES.has(status) ? (status as MigrationStatus) : 'active';
}

/** What QEMU said, in our words; null for what nobody here asks for. */
export function instanceEventOf({ event, atMs, data }: QmpEvent): InstanceEvent | null {
  switch (event) {
    case 'STOP':
      return { kind: 'stopped', atMs };
    case 'RESUME':
      return { kind: 'resumed', atMs };
    case 'MIGRATION':
      return { kind: 'migration-status', status: migrationStatusOf(data['status']), atMs };
    case 'MIGRATION_PASS':
      return { kind: 'migration-round', round: Number(data['pass']), atMs };
    case 'SHUTDOWN':
      return { kind: 'shutdown', byGuest: data['guest'] === true, atMs };
    default:
      return null;
  }
}
