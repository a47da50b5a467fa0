import type { Now, VmEntry } from '../model/cluster-state.ts';
import { availabilityOf } from '../placement/occupancy.ts';
import type { PlacementNeeds } from '../placement/why-not-place.ts';
import { failedLatelyOn } from './restart-policy.ts';

/** What the VM asks of a node on which it is started from its disk. */
export function needsOf(entry: VmEntry, now: Now): PlacementNeeds {
  const record = entry.record.value;
  const { definition } = record;
  const failedOn = failedLatelyOn(entry.status?.value.restarts, now.wallMs);
  return { definition, owner: null, memory: 'now', availability: availabilityOf(record), failedOn };
}
