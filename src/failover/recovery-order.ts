import { PRIORITIES } from '../model/availability.ts';
import type { VmRecord } from '../model/vm.ts';
import { availabilityOf } from '../placement/occupancy.ts';

/** High priority first; within one priority the largest first, since the small ones fit into what is left; then by name. */
export function compareRecoveryOrder(a: VmRecord, b: VmRecord): number {
  const priority = (record: VmRecord) => PRIORITIES.indexOf(availabilityOf(record).priority);
  const byName = a.definition.name < b.definition.name ? -1 : 1;
  return priority(a) - priority(b) || b.definition.memoryBytes - a.definition.memoryBytes || byName;
}
