import type { MigrateVmBody } from '../../../src/contract/migrations.ts';
import type { VmView } from '../../../src/contract/vms.ts';
import type { Budgets } from './budget-draft.ts';

const MEBIBYTE = 1024 ** 2;
const DEFAULT_BUDGET_MS = 50;

export type MigrationOptions = Omit<MigrateVmBody, 'mode' | 'dryRun'>;

/** Options of a move as they are being edited; what is left as it was is left to the VM or the cluster. */
export interface MigrationDraft extends Budgets {
  /** '': the best node. */
  readonly to: string;
  readonly limits: boolean;
  readonly mebibytesPerSecond: number;
  readonly encrypted: 'default' | 'yes' | 'no';
}

/** As the first VM has it. */
export function usualOptions(vms: readonly VmView[]): MigrationDraft {
  const [first] = vms;
  return {
    ...{ to: '', budgetMs: first?.budgetMs ?? DEFAULT_BUDGET_MS, budgetMaxMs: first?.budgetMaxMs ?? null },
    ...{ limits: false, mebibytesPerSecond: 100, encrypted: 'default' },
  };
}

/** `usual`: what the dialog began with. `count`: of the VMs that move. */
export function optionsOf(
  draft: MigrationDraft,
  { usual, count }: { readonly usual: Budgets; readonly count: number },
): MigrationOptions {
  const { budgetMs, budgetMaxMs } = draft;
  const entered = budgetMs !== usual.budgetMs || budgetMaxMs !== usual.budgetMaxMs;
  return {
    ...(draft.to !== '' && { to: draft.to }),
    // The budgets of several VMs differ: only those that were entered count for all of them. Left out, the maximum would be the VM's.
    ...((count === 1 || entered) && { budgetMs, budgetMaxMs: budgetMaxMs ?? budgetMs }),
    ...(draft.limits && { bandwidthBytesPerSecond: draft.mebibytesPerSecond * MEBIBYTE }),
    ...(draft.encrypted !== 'default' && { encrypted: draft.encrypted === 'yes' }),
  };
}
