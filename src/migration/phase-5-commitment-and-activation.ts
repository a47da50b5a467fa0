import type { DecidePhase } from './migration.ts';

/**
 * Phase 5 of 5: Commitment and Activation.
 *
 * Forward only. The guest runs on the destination first; the store learns the new owner afterwards, so
 * that no write lengthens the blackout. The source's copy ends before the owner is recorded, so that
 * whoever reads the record finds exactly one QEMU; from GO on it could never run again anyway.
 */
export const decideCommitmentAndActivation: DecidePhase = (_state, seen) => {
  switch (seen.destination) {
    case 'running':
      if (seen.sourceAlive) {
        return { kind: 'run', command: 'retire-source', reason: 'the guest runs on the destination' };
      }
      return { kind: 'run', command: 'hand-over-ownership', reason: 'the guest runs on the destination' };
    case 'unknown':
    case 'receiving': // Its own `completed` is always ahead of the source's; the answer is older than the commit point.
    case 'loaded':
      return { kind: 'run', command: 'send-go', reason: 'the source never runs it again' };
    case 'absent':
    case 'dead':
      if (!seen.destinationMayHaveRun && seen.sourceAlive) {
        return {
          kind: 'run',
          command: 'close-intent-and-continue-source',
          reason: 'the copy on the destination ended and never ran',
        };
      }
      return {
        kind: 'run',
        command: 'close-intent-as-lost',
        reason:
          'the copy on the destination ended and may have run: the memory on the source may be older than the disk',
      };
  }
};
