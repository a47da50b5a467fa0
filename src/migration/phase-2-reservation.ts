import type { DecidePhase } from './migration.ts';

/**
 * Phase 2 of 5: Reservation.
 *
 * The memory was reserved in the transaction that wrote the intent. Now the destination's agent starts
 * QEMU from the identical definition, paused and waiting, and tells the port.
 */
export const decideReservation: DecidePhase = (_state, seen) => {
  if (!seen.sourceAlive) return { kind: 'abort', outcome: 'failed', reason: "the VM's QEMU on the source has ended" };
  if (seen.cancelRequested !== null) return { kind: 'abort', outcome: 'cancelled', reason: seen.cancelRequested };
  if (!seen.destinationPrepared) {
    return { kind: 'run', command: 'prepare-destination', reason: 'QEMU must wait on the destination, paused' };
  }
  return { kind: 'advance', to: 'iterative-pre-copy', reason: 'the destination waits for the memory' };
};
