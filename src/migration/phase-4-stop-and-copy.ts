import { type DecidePhase, TRANSFER_FAILED } from './migration.ts';

/** How long the guest may stand still without the commit point before the switchover is taken back, in milliseconds. */
export function switchoverTimeoutMs(expectedBlackoutMs: number): number {
  return Math.max(1500, 5 * expectedBlackoutMs);
}

/**
 * Phase 4 of 5: Stop-and-Copy.
 *
 * The guest is stopped on the source while QEMU sends the last dirty pages and the device state. The
 * source stays the owner: whatever fails here, the guest continues there. The phase ends at the commit point.
 */
export const decideStopAndCopy: DecidePhase = (_state, seen) => {
  if (!seen.sourceAlive) return { kind: 'abort', outcome: 'failed', reason: "the VM's QEMU on the source has ended" };
  switch (seen.sourceStatus) {
    case 'setup':
    case 'active':
    case 'pre-switchover':
    case 'device':
      if (seen.cancelRequested !== null) return { kind: 'abort', outcome: 'cancelled', reason: seen.cancelRequested };
      if ((seen.stoppedForMs ?? 0) > switchoverTimeoutMs(seen.expectedBlackoutMs)) {
        const waitedMs = Math.round(seen.stoppedForMs ?? 0);
        return { kind: 'abort', outcome: 'failed', reason: `the switchover did not end within ${waitedMs} ms` };
      }
      return { kind: 'wait', reason: 'QEMU sends the last pages and the device state' };
    case 'completed': // The commit point: the destination has confirmed that it loaded everything.
      return { kind: 'advance', to: 'commitment-and-activation', reason: 'the destination holds a complete image' };
    case 'failed':
      return { kind: 'abort', outcome: 'failed', reason: TRANSFER_FAILED };
    case 'none':
    case 'cancelling':
    case 'cancelled':
      return { kind: 'abort', outcome: 'failed', reason: `QEMU on the source reports "${seen.sourceStatus}"` };
  }
};
