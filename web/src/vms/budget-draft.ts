import type { VmView } from '../../../src/contract/vms.ts';

/** A guest that stands still for a minute is not migrated live any more. */
export const BUDGET_MS_MAX = 60_000;
/** What is offered to somebody who allows to widen a budget. */
const WIDENED_TIMES = 4;

/** A budget and to what it may be widened, as they are being edited; null: never. */
export type Budgets = Pick<VmView, 'budgetMs' | 'budgetMaxMs'>;

/** What is offered when widening is switched on. */
export function offeredMaxMs({ budgetMs }: Budgets): number {
  return Math.min(BUDGET_MS_MAX, Math.ceil(budgetMs * WIDENED_TIMES));
}

/** Nothing is widened to less than it is. */
export function maxTooSmall({ budgetMs, budgetMaxMs }: Budgets): boolean {
  return budgetMaxMs !== null && budgetMaxMs < budgetMs;
}

export function budgetsFit(budgets: Budgets): boolean {
  return budgets.budgetMs > 0 && !maxTooSmall(budgets);
}
