import { applyEntries, type ClusterState, type VmEntry } from '../model/cluster-state.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { keys } from '../model/keys.ts';
import type { VmName } from '../model/names.ts';
import type { ApiContext } from './context.ts';

/**
 * The cluster's state with this VM and the memory of all nodes read from the store just now, so that a decision
 * rests on what every node agrees on and not on this node's view, which may lag. Throws STORE_UNAVAILABLE.
 */
export async function readForDecision(context: ApiContext, vm: VmName): Promise<ClusterState> {
  const [vmEntries, memoryEntries] = await Promise.all([
    context.store.list(`${keys.vms}${vm}/`),
    context.store.list(keys.memory),
  ]);
  const known = context.reader.current();
  const vms = new Map(known.vms);
  vms.delete(vm);
  return applyEntries(
    { ...known, vms, memory: new Map() },
    { entries: [...vmEntries, ...memoryEntries], revision: known.revision, nowMs: context.reader.now().monotonicMs },
  );
}

const existing = new WeakMap<ClusterState['vms'], readonly VmEntry[]>();
// Names change seldom, and to sort thousands of them would be most of the work at every change of a VM.
let sortedNames: readonly VmName[] = [];

/** VMs that exist, by name: remains of a deleted one, such as a late status, are none. */
export function existingVms({ vms }: Pick<ClusterState, 'vms'>): readonly VmEntry[] {
  const known = existing.get(vms);
  if (known !== undefined) return known;
  if (vms.size !== sortedNames.length || !sortedNames.every((name) => vms.has(name))) {
    sortedNames = [...vms.keys()].sort();
  }
  const entries = sortedNames.flatMap((name) => {
    const entry = vms.get(name);
    return entry !== undefined && hasRecord(entry) ? [entry] : [];
  });
  existing.set(vms, entries);
  return entries;
}

export function findVm(state: ClusterState, name: VmName): VmEntry | undefined {
  const entry = state.vms.get(name);
  return entry !== undefined && hasRecord(entry) ? entry : undefined;
}

/** Returns the VM, or throws VM_NOT_FOUND. */
export function requireVm(state: ClusterState, name: VmName): VmEntry {
  const entry = findVm(state, name);
  if (entry !== undefined) return entry;
  throw new GodwitError({
    code: 'VM_NOT_FOUND',
    message: `There is no VM called "${name}".`,
    state: NOTHING_CHANGED,
    nextStep: 'See `godwit vm list` for the names; upper and lower case differ.',
  });
}

// The type promises a record, but the store may hold another key of the VM without it.
function hasRecord(entry: VmEntry): boolean {
  return (entry.record as VmEntry['record'] | null) !== null;
}
