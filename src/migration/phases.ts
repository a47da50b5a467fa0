/**
 * The five phases of a live migration, in order.
 *
 * Names after Clark et al., "Live Migration of Virtual Machines" (NSDI 2005); its stages 4
 * (Commitment) and 5 (Activation) are one phase here.
 *
 * `owner` is the node that may run the guest. It changes exactly once, at the commit point
 * between phases 4 and 5: the source's QEMU reports `completed`. Every safety argument rests
 * on this column.
 */
// biome-ignore format: the table is meant to be read as one
export const MIGRATION_PHASES = [
  { phase: 'pre-migration',             title: 'Pre-Migration',             guest: 'running', owner: 'source' },
  { phase: 'reservation',               title: 'Reservation',               guest: 'running', owner: 'source' },
  { phase: 'iterative-pre-copy',        title: 'Iterative Pre-Copy',        guest: 'running', owner: 'source' },
  { phase: 'stop-and-copy',             title: 'Stop-and-Copy',             guest: 'paused',  owner: 'source' },
  { phase: 'commitment-and-activation', title: 'Commitment and Activation', guest: 'paused',  owner: 'destination' },
] as const;

export type MigrationPhase = (typeof MIGRATION_PHASES)[number]['phase'];

/** How a migration ended. Kept apart from the phase, so that "failed in stop-and-copy" can be said. */
export type MigrationOutcome = 'completed' | 'cancelled' | 'failed';

export function phaseTitle(phase: MigrationPhase): string {
  return MIGRATION_PHASES.find((row) => row.phase === phase)?.title ?? phase;
}
