import type { DecidePhase, SourceStatus } from './migration.ts';

const TRANSFER_UNDER_WAY: readonly SourceStatus[] = ['setup', 'active', 'pre-switchover', 'device', 'cancelling'];

/**
 * What is still to be taken down after an abort, given what is seen. Before the commit point only; a crash during
 * the undo is the same as a crash anywhere, because each step looks again.
 *
 * Without GO the destination's copy never runs, so a destination that cannot be reached does not hold up the source:
 * its agent removes a copy whose intent is gone.
 */
export const decideUndo: DecidePhase = (state, seen) => {
  if (!seen.sourceAlive) {
    if (seen.destination === 'running') {
      // It has had GO, so the source had completed: the guest lives there.
      return { kind: 'run', command: 'hand-over-ownership', reason: 'the guest runs on the destination' };
    }
    if (seen.destination === 'unknown') {
      // A GO may have been sent before this agent was restarted; only the destination knows.
      return { kind: 'run', command: 'ask-destination', reason: 'the destination may have received GO' };
    }
    if (!state.destinationDiscarded) {
      return { kind: 'run', command: 'discard-destination', reason: 'its memory is incomplete or older than the disk' };
    }
    return { kind: 'run', command: 'close-intent-as-lost', reason: 'QEMU on the source has ended' };
  }
  // Cancelled while it connected, QEMU only waits for that to fail, which may take minutes; it sends nothing any more.
  const endsByItself = seen.sourceStatus === 'cancelling' && !seen.connected;
  if (TRANSFER_UNDER_WAY.includes(seen.sourceStatus) && seen.transferStarted && !endsByItself) {
    return { kind: 'run', command: 'cancel-transfer', reason: 'the guest continues on the source' };
  }
  if (!seen.guestRunsOnSource) return { kind: 'wait', reason: 'QEMU resumes the guest on the source' };
  if (state.announceNeeded) {
    return {
      kind: 'run',
      command: 'announce-source',
      reason: 'the guest stood still: the network must find it here again',
    };
  }
  if (!state.destinationDiscarded) {
    return { kind: 'run', command: 'discard-destination', reason: 'the copy on the destination is of no use' };
  }
  return { kind: 'run', command: 'close-intent', reason: 'nothing is left to undo' };
};
