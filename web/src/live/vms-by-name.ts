import type { VmView } from '../../../src/contract/vms.ts';

type Vms = ReadonlyMap<string, VmView>;

let last: { readonly of: Vms; readonly list: readonly VmView[] } = { of: new Map(), list: [] };

/** Sorted once for all who ask; while no VM comes or goes, a change of one keeps its place without sorting thousands again. */
export function vmsByName(vms: Vms): readonly VmView[] {
  if (last.of !== vms) last = { of: vms, list: replaced(last.list, vms) ?? sortedByName(vms) };
  return last.list;
}

/** The same order with the VMs as they are now; null if they are not the same ones. */
function replaced(list: readonly VmView[], vms: Vms): readonly VmView[] | null {
  if (list.length !== vms.size) return null;
  const now = list.flatMap(({ name }) => vms.get(name) ?? []);
  return now.length === list.length ? now : null;
}

const collator = new Intl.Collator(undefined, { numeric: true });

function sortedByName(vms: Vms): readonly VmView[] {
  return [...vms.values()].sort((left, right) => collator.compare(left.name, right.name));
}
