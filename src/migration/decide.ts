import type { DecidePhase } from './migration.ts';
import { decidePreMigration } from './phase-1-pre-migration.ts';
import { decideReservation } from './phase-2-reservation.ts';
import { decideIterativePreCopy } from './phase-3-iterative-pre-copy.ts';
import { decideStopAndCopy } from './phase-4-stop-and-copy.ts';
import { decideCommitmentAndActivation } from './phase-5-commitment-and-activation.ts';
import type { MigrationPhase } from './phases.ts';
import { decideUndo } from './undo.ts';

const decideIn: Readonly<Record<MigrationPhase, DecidePhase>> = {
  'pre-migration': decidePreMigration,
  reservation: decideReservation,
  'iterative-pre-copy': decideIterativePreCopy,
  'stop-and-copy': decideStopAndCopy,
  'commitment-and-activation': decideCommitmentAndActivation,
};

/**
 * Asks the phase the migration is in. The commit point overrides everything, an abort under way as well: a
 * cancel that crosses `completed` comes too late. Phases 4 and 5 begin inside the blackout, where nothing is
 * stored; what is seen carries the decision on, after a crash of the agent as well.
 */
export const decideMigration: DecidePhase = (state, seen) => {
  if (seen.committed) {
    if (state.phase !== 'commitment-and-activation') {
      return { kind: 'advance', to: 'commitment-and-activation', reason: 'the destination holds a complete image' };
    }
    return decideCommitmentAndActivation(state, seen);
  }
  if (state.aborting !== null) return decideUndo(state, seen);
  return decideIn[state.phase](state, seen);
};
