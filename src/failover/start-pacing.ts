// Which VMs a node starts next: a few at a time, the most important ones first, so that the first of them are up soon and a batch
// does not slow down the node's own heartbeat.
import { PRIORITIES, type Priority } from '../model/availability.ts';
import type { VmName } from '../model/names.ts';

/** QEMU processes that one node starts at the same time. */
export const STARTS_AT_ONCE = 4;

export interface WaitingStart {
  readonly vm: VmName;
  readonly priority: Priority;
  readonly memoryBytes: number;
}

/** `underWay`: starts that have begun and have not ended. The next ones, in order; those with high priority first, then the largest. */
export function nextStarts(waiting: readonly WaitingStart[], underWay: number): VmName[] {
  const places = STARTS_AT_ONCE - underWay;
  if (places <= 0) return [];
  return [...waiting]
    .sort(byImportance)
    .slice(0, places)
    .map(({ vm }) => vm);
}

function byImportance(a: WaitingStart, b: WaitingStart): number {
  const byPriority = PRIORITIES.indexOf(a.priority) - PRIORITIES.indexOf(b.priority);
  return byPriority || b.memoryBytes - a.memoryBytes || (a.vm < b.vm ? -1 : 1);
}
