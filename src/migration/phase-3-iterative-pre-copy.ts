import { type DecidePhase, type MigrationObservation, type PhaseDecision, TRANSFER_FAILED } from './migration.ts';

/** A transfer that has sent nothing for this long is given up: the network is broken, not the guest too busy. */
const TRANSFER_SILENCE_MS = 10_000;
/** QEMU also looks through all of the guest's memory before it sends the first page: about 40 s for 64 GiB under TCG. */
const SETUP_SILENCE_MS = 60_000;

/**
 * Phase 3 of 5: Iterative Pre-Copy.
 *
 * The guest runs on while its memory is copied in rounds; `convergence-policy.ts` decides after each round.
 * QEMU itself stops the guest once its estimate fits the downtime limit, so this phase must accept
 * that the guest stands still, or is even committed, before the policy has spoken (an idle guest is).
 */
export const decideIterativePreCopy: DecidePhase = (_state, seen) => {
  if (!seen.sourceAlive) return { kind: 'abort', outcome: 'failed', reason: "the VM's QEMU on the source has ended" };
  if (seen.cancelRequested !== null) return { kind: 'abort', outcome: 'cancelled', reason: seen.cancelRequested };
  if (seen.gaveUp !== null) return { kind: 'abort', outcome: 'failed', reason: seen.gaveUp };
  if (!seen.transferStarted) {
    return { kind: 'run', command: 'start-transfer', reason: 'the destination waits for the memory' };
  }
  switch (seen.sourceStatus) {
    case 'none':
    case 'setup':
      return lostDestination(seen, SETUP_SILENCE_MS) ?? { kind: 'wait', reason: 'QEMU connects to the destination' };
    case 'active':
    case 'pre-switchover':
    case 'device':
      if (seen.stoppedForMs !== null) {
        return {
          kind: 'advance',
          to: 'stop-and-copy',
          reason: 'QEMU has stopped the guest: what is left fits the limit',
        };
      }
      return lostDestination(seen, TRANSFER_SILENCE_MS) ?? { kind: 'wait', reason: 'memory is being copied' };
    case 'completed':
      return { kind: 'advance', to: 'stop-and-copy', reason: 'QEMU has passed the switchover already' };
    case 'failed':
      return { kind: 'abort', outcome: 'failed', reason: TRANSFER_FAILED };
    case 'cancelling':
    case 'cancelled':
      return { kind: 'abort', outcome: 'failed', reason: `QEMU on the source reports "${seen.sourceStatus}"` };
  }
};

/** QEMU itself waits for minutes for a machine that has lost its power; null: nothing speaks against the destination. */
function lostDestination({ destination, silentForMs }: MigrationObservation, silenceMs: number): PhaseDecision | null {
  if (destination === 'dead' || destination === 'absent') {
    return { kind: 'abort', outcome: 'failed', reason: 'the copy on the destination has ended' };
  }
  if ((silentForMs ?? 0) <= silenceMs) return null;
  return { kind: 'abort', outcome: 'failed', reason: `nothing could be sent for ${silenceMs / 1000} s` };
}
