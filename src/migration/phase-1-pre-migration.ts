import type { DecidePhase } from './migration.ts';

/** A VM, as far as it matters for whether it may migrate at all. */
export interface MigrationCandidate {
  readonly vm: string;
  /** As shown to the user. */
  readonly state: string;
  readonly migrating: boolean;
  readonly owner: string;
}

/** Every reason on the VM's own side against a live migration; none means that it may start. */
export function whyNotMigratable(candidate: MigrationCandidate): string[] {
  const reasons: string[] = [];
  if (candidate.migrating) reasons.push(`${candidate.vm} is being migrated already.`);
  else if (candidate.state !== 'running') {
    reasons.push(`${candidate.vm} is ${candidate.state}; only a running VM can be live-migrated.`);
  }
  return reasons;
}

/**
 * Phase 1 of 5: Pre-Migration.
 *
 * May it move at all? What the store knows was checked before the intent was written; here QEMU on
 * the source and the destination's agent are asked; then it waits until the link is free (`admission.ts`). One that has to wait holds
 * nothing but the memory reserved on the destination. For one that does not, the destination's QEMU
 * is started ahead, beside the questions; the undo discards it.
 */
export const decidePreMigration: DecidePhase = (_state, seen) => {
  if (!seen.sourceAlive) return { kind: 'abort', outcome: 'failed', reason: "the VM's QEMU on the source has ended" };
  if (seen.cancelRequested !== null) return { kind: 'abort', outcome: 'cancelled', reason: seen.cancelRequested };
  if (seen.gaveUp !== null) return { kind: 'abort', outcome: 'failed', reason: seen.gaveUp };
  if (!seen.sourceChecked) {
    return { kind: 'run', command: 'check-source', reason: 'QEMU and the destination must agree to the move' };
  }
  if (seen.waitingFor !== null) return { kind: 'wait', reason: seen.waitingFor };
  return { kind: 'advance', to: 'reservation', reason: 'nothing speaks against it' };
};
