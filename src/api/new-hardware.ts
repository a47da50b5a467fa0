// What the hardware of a VM becomes by a change: pure; a request that cannot be is refused here.
import type { HardwareChange } from '../contract/vm-hardware.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { formatBytes } from '../model/units.ts';
import type { VmCdrom, VmDefinition, VmDisk, VmNic, VmRecord } from '../model/vm.ts';
import { invalid } from './invalid-input.ts';
import { checkCpus, checkDiskSizes, checkMemory } from './new-vm-request.ts';

/** Addresses on the guest's bus: see the command line of QEMU. */
const DISKS_MAX = 15;
const NICS_MAX = 8;

/** What was made or chosen for the change before it was decided. */
export interface NewParts {
  /** Files of the new disks, in the order of `addDisks`. */
  readonly diskPaths: readonly string[];
  /** Of the new NICs, in the order of `addNics`. */
  readonly macAddresses: readonly string[];
  /** File of the medium; absent where the change does not name one. */
  readonly medium?: string;
}

/** Whether it asks for anything. */
export function changesHardware(change: HardwareChange): boolean {
  const { memoryBytes, cpus, addDisks, removeDisks, growDisks, addNics, removeNics, cdrom } = change;
  const lists = [addDisks, removeDisks, growDisks, addNics, removeNics];
  if (lists.some((one) => one !== undefined && one.length > 0)) return true;
  // Alone it is refused, and not passed over.
  if (change.discardPending === true || change.deleteDiskFiles === true) return true;
  return [memoryBytes, cpus, cdrom].some((one) => one !== undefined);
}

/** Throws INVALID_INPUT for what cannot be, whatever the VM. */
export function checkHardwareChange(change: HardwareChange): void {
  if (change.memoryBytes !== undefined) checkMemory(change.memoryBytes);
  if (change.cpus !== undefined) checkCpus(change.cpus);
  checkDiskSizes([...(change.addDisks ?? []), ...(change.growDisks ?? [])].map(({ sizeBytes }) => sizeBytes));
  if (change.deleteDiskFiles === true && (change.removeDisks ?? []).length === 0) {
    throw invalid('No disk is to be removed whose file could be deleted.', 'Name the disk as well.');
  }
}

/** The definition after the change; only its hardware differs. Throws INVALID_INPUT. */
export function changedHardware(before: VmDefinition, change: HardwareChange, parts: NewParts): VmDefinition {
  const { memoryBytes = before.memoryBytes, cpus = before.cpus } = change;
  const disks = changedDisks(before, change, parts);
  const { cdroms: had = [], ...rest } = before;
  const cdroms = changedCdroms(had, change, parts);
  if (before.boot.kind === 'disk' && disks.length === 0 && !cdroms.some(({ id }) => id === 'cd0')) {
    throw invalid(
      `${before.name} would have nothing to boot from.`,
      'Leave it a disk, or put a medium into its CD drive.',
    );
  }
  const nics = changedNics(before, change, parts);
  return { ...rest, memoryBytes, cpus, disks, nics, ...(cdroms.length > 0 && { cdroms }) };
}

function changedDisks({ disks }: VmDefinition, change: HardwareChange, { diskPaths }: NewParts): VmDisk[] {
  const { addDisks = [], removeDisks = [], growDisks = [] } = change;
  requireAll('disk', disks, [...removeDisks, ...growDisks.map(({ id }) => id)]);
  const kept = disks
    .filter(({ id }) => !removeDisks.includes(id))
    .map((disk) => grown(disk, growDisks.find(({ id }) => id === disk.id)?.sizeBytes));
  for (const [index, { sizeBytes }] of addDisks.entries()) {
    const id = freeId('disk', kept, DISKS_MAX);
    kept.push({ id, path: diskPaths[index] ?? '', format: 'qcow2', sizeBytes });
  }
  return kept;
}

function grown(disk: VmDisk, sizeBytes = disk.sizeBytes): VmDisk {
  if (sizeBytes >= disk.sizeBytes) return { ...disk, sizeBytes };
  const message = `${disk.id} has ${formatBytes(disk.sizeBytes)} and cannot shrink to ${formatBytes(sizeBytes)}.`;
  throw invalid(message, 'Give a size that is not smaller.');
}

function changedNics({ nics }: VmDefinition, change: HardwareChange, { macAddresses }: NewParts): VmNic[] {
  const { addNics = [], removeNics = [] } = change;
  requireAll('NIC', nics, removeNics);
  const kept = nics.filter(({ id }) => !removeNics.includes(id));
  for (const [index, { switch: switchName }] of addNics.entries()) {
    const id = freeId('nic', kept, NICS_MAX);
    kept.push({ id, macAddress: macAddresses[index] ?? '', switchName, address: null });
  }
  return kept;
}

function changedCdroms(had: readonly VmCdrom[], { cdrom }: HardwareChange, { medium }: NewParts): readonly VmCdrom[] {
  if (cdrom === undefined) return had;
  const others = had.filter(({ id }) => id !== 'cd0');
  return medium === undefined ? others : [{ id: 'cd0', path: medium }, ...others];
}

function requireAll(what: string, there: readonly { readonly id: string }[], ids: readonly string[]): void {
  const unknown = ids.find((id) => !there.some((one) => one.id === id));
  if (unknown === undefined) return;
  const known = there.map(({ id }) => id).join(', ');
  throw invalid(`The VM has no ${what} "${unknown}".`, known === '' ? 'It has none.' : `It has ${known}.`);
}

function freeId(prefix: string, taken: readonly { readonly id: string }[], limit: number): string {
  for (let number = 0; number < limit; number += 1) {
    const id = `${prefix}${number}`;
    if (!taken.some((one) => one.id === id)) return id;
  }
  throw invalid(`A VM has room for ${limit} of this kind: ${prefix}.`, 'Remove one first.');
}

/** For what only a VM without a process can have done to it. */
export function mustBeOff({ definition: { name: vm }, saved }: VmRecord, what: string): GodwitError {
  const [why, nextStep] =
    saved === undefined
      ? [`${vm} has a process: QEMU holds its disks`, `Shut it down with \`godwit vm shutdown ${vm}\``]
      : [
          `${vm} is saved: its guest goes on with these disks`,
          `Start it and shut it down, or \`godwit vm discard ${vm}\``,
        ];
  return new GodwitError({
    code: 'VM_STATE_UNSUITABLE',
    message: `${what} while ${why}.`,
    state: NOTHING_CHANGED,
    nextStep: `${nextStep}, then try again.`,
  });
}
