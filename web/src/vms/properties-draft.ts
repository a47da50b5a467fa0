import type { ChangeVmBody, VmView } from '../../../src/contract/vms.ts';
import type { Budgets } from './budget-draft.ts';

/** Properties as they are being edited. */
export type PropertiesDraft = Budgets & Pick<VmView, 'highlyAvailable' | 'automaticStart'> & VmView['availability'];

export function propertiesOf(vm: VmView): PropertiesDraft {
  const { highlyAvailable, automaticStart, budgetMs, budgetMaxMs, availability } = vm;
  return { highlyAvailable, automaticStart, budgetMs, budgetMaxMs, ...availability };
}

/** Only what is different. */
export function differences(before: PropertiesDraft, draft: PropertiesDraft): ChangeVmBody {
  const changed = Object.entries(draft).filter(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(before[key as keyof PropertiesDraft]),
  );
  return Object.fromEntries(changed);
}
