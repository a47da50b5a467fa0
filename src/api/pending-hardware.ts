// Hardware that was changed while the VM had a process: what is different, and how a start from off takes it.
import type { VmView } from '../contract/vms.ts';
import { mayHaveProcess } from '../failover/proven-quiet.ts';
import { type VmEntry, vmState } from '../model/cluster-state.ts';
import { keys } from '../model/keys.ts';
import { counted, formatBytes } from '../model/units.ts';
import type { VmCdrom, VmDefinition, VmDisk, VmRecord } from '../model/vm.ts';
import type { Write } from '../ports/store.ts';
import { pendingRequest } from './vm-state-checks.ts';

/** Whether it has no QEMU and no saved memory, and is not about to: its hardware can change at once. */
export function isOff(entry: VmEntry): boolean {
  if (entry.record.value.saved !== undefined) return false;
  const state = vmState(entry);
  if ((state !== 'off' && state !== 'failed') || mayHaveProcess(entry)) return false;
  return pendingRequest(entry)?.action !== 'start';
}

/** The VM with the hardware that waited for its start, and what else is to be written with its record. */
export function takePending(entry: VmEntry): { readonly entry: VmEntry; readonly write: readonly Write[] } {
  const { pendingDefinition, ...record } = entry.record.value;
  if (pendingDefinition === undefined || !isOff(entry)) return { entry, write: [] };
  const value: VmRecord = { ...record, definition: pendingDefinition };
  return {
    entry: { ...entry, record: { ...entry.record, value } },
    write: releasedAddresses(record.definition, pendingDefinition),
  };
}

/** Addresses of NICs that are gone can be handed out again. */
export function releasedAddresses(before: VmDefinition, after: VmDefinition): Write[] {
  const kept = new Set(addressesOf(after));
  return addressesOf(before)
    .filter((address) => !kept.has(address))
    .map((address) => ({ delete: keys.guestAddress(address) }));
}

export function addressesOf({ nics }: VmDefinition): string[] {
  return nics.flatMap((nic) => nic.address?.split('/')[0] ?? []);
}

/** Every disk that the VM has or is going to have. */
export function allDisksOf({ definition, pendingDefinition }: VmRecord): VmDisk[] {
  const more = pendingDefinition?.disks.filter(({ path }) => !definition.disks.some((disk) => disk.path === path));
  return [...definition.disks, ...(more ?? [])];
}

/** Every CD that the VM has or is going to have in a drive. */
export function allCdromsOf({ definition, pendingDefinition }: VmRecord): VmCdrom[] {
  return [...(definition.cdroms ?? []), ...(pendingDefinition?.cdroms ?? [])];
}

export function pendingView({ definition, pendingDefinition }: VmRecord): VmView['pending'] {
  if (pendingDefinition === undefined) return null;
  const { memoryBytes, cpus, disks, nics, cdroms = [] } = pendingDefinition;
  return { memoryBytes, cpus, disks, nics, cdroms, changes: describeChanges(definition, pendingDefinition) };
}

/** What is different, a sentence each; empty if nothing is. */
export function describeChanges(before: VmDefinition, after: VmDefinition): string[] {
  const changes: string[] = [];
  if (after.memoryBytes !== before.memoryBytes) {
    changes.push(`${formatBytes(after.memoryBytes)} of memory instead of ${formatBytes(before.memoryBytes)}.`);
  }
  if (after.cpus !== before.cpus) changes.push(`${counted(after.cpus, 'CPU')} instead of ${before.cpus}.`);
  const [disksGone, disksNew] = difference(before.disks, after.disks, ({ path }) => path);
  changes.push(...disksGone.map(({ id }) => `Without ${id}.`));
  changes.push(...disksNew.map(({ id, sizeBytes }) => `With the new disk ${id} of ${formatBytes(sizeBytes)}.`));
  const [nicsGone, nicsNew] = difference(before.nics, after.nics, ({ macAddress }) => macAddress);
  changes.push(...nicsGone.map(({ id }) => `Without ${id}.`));
  changes.push(...nicsNew.map(({ id, switchName }) => `With the new NIC ${id} on ${switchName}.`));
  const [cdsGone, cdsNew] = difference(before.cdroms ?? [], after.cdroms ?? [], ({ path }) => path);
  changes.push(...cdsNew.map(({ path }) => `With ${path} in the CD drive.`));
  if (cdsNew.length === 0) changes.push(...cdsGone.map(({ path }) => `Without ${path} in the CD drive.`));
  return changes;
}

function difference<T>(before: readonly T[], after: readonly T[], keyOf: (one: T) => string): [T[], T[]] {
  const had = new Set(before.map(keyOf));
  const has = new Set(after.map(keyOf));
  return [before.filter((one) => !has.has(keyOf(one))), after.filter((one) => !had.has(keyOf(one)))];
}
