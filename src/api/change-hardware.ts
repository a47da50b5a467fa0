// Changes the hardware of a VM: at once while it is off, else as what its next start from off takes.
import type { HardwareChange } from '../contract/vm-hardware.ts';
import type { ClusterState, VmEntry } from '../model/cluster-state.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { keys } from '../model/keys.ts';
import type { VmDefinition, VmDisk, VmRecord } from '../model/vm.ts';
import { availabilityOf } from '../placement/occupancy.ts';
import { whyNotOn } from '../placement/why-not-place.ts';
import type { Compare, Write } from '../ports/store.ts';
import { chooseOwner, nodesForPlacement } from './candidates.ts';
import type { ApiContext } from './context.ts';
import { findMedium } from './guest-image.ts';
import { newMacAddress, usedMacAddresses } from './mac-addresses.ts';
import { changedHardware, changesHardware, checkHardwareChange, mustBeOff, type NewParts } from './new-hardware.ts';
import { directoryOfVm, removeMadeDisks } from './new-vm-disks.ts';
import { allDisksOf, isOff, releasedAddresses } from './pending-hardware.ts';
import { readForDecision, requireVm } from './read-state.ts';
import { nameOf, requireNotMigrating } from './vm-state-checks.ts';

/** Made or done before the change is written. */
export interface PreparedHardware {
  readonly change: HardwareChange;
  readonly parts: NewParts;
  readonly made: readonly VmDisk[];
}

/** Null: no hardware is to change. Whatever is refused is refused before the first disk is made. */
export async function prepareHardware(
  context: ApiContext,
  vm: string,
  change: HardwareChange,
): Promise<PreparedHardware | null> {
  if (!changesHardware(change)) return null;
  checkHardwareChange(change);
  const state = await readForDecision(context, vm);
  const entry = requireVm(state, vm);
  const parts = await newParts(context, { state, entry, change });
  const { record } = changeHardware(state, entry, { context, prepared: { change, parts, made: [] } });
  const made = [...allDisksOf(record)].filter(({ path }) => parts.diskPaths.includes(path));
  try {
    for (const disk of made) await context.disks.create(disk);
    for (const disk of grownDisks(entry.record.value, record)) await context.disks.grow(disk);
  } catch (error) {
    await removeMadeDisks(context, made);
    throw error;
  }
  return { change, parts, made };
}

interface PartsInput {
  readonly state: ClusterState;
  readonly entry: VmEntry;
  readonly change: HardwareChange;
}

async function newParts(context: ApiContext, { state, entry, change }: PartsInput): Promise<NewParts> {
  const { addDisks = [], addNics = [], cdrom } = change;
  const { name, uuid } = entry.record.value.definition;
  const directory = directoryOfVm(context, name, uuid);
  const used = usedMacAddresses(state);
  return {
    diskPaths: addDisks.map(() => `${directory}/disk-${context.ids.uuid().slice(0, 8)}.qcow2`),
    macAddresses: addNics.map(() => newMacAddress(context, used)),
    ...(typeof cdrom === 'string' && { medium: await findMedium(context, cdrom) }),
  };
}

function grownDisks(before: VmRecord, after: VmRecord): VmDisk[] {
  const old = new Map(before.definition.disks.map((disk) => [disk.path, disk.sizeBytes]));
  return after.definition.disks.filter((disk) => disk.sizeBytes > (old.get(disk.path) ?? disk.sizeBytes));
}

export interface HardwareDecision {
  readonly record: VmRecord;
  readonly compare: readonly Compare[];
  readonly write: readonly Write[];
  /** Whose files are to be deleted once this is written. */
  readonly discarded: readonly VmDisk[];
}

/** The record with the new hardware. Throws what speaks against it. */
export function changeHardware(
  state: ClusterState,
  entry: VmEntry,
  { context, prepared: { change, parts } }: { readonly context: ApiContext; readonly prepared: PreparedHardware },
): HardwareDecision {
  requireNotMigrating(entry);
  const { pendingDefinition, ...before } = entry.record.value;
  const off = isOff(entry);
  const base = change.discardPending === true ? before.definition : (pendingDefinition ?? before.definition);
  const definition = changedHardware(base, change, parts);
  if (!off && (change.growDisks ?? []).length > 0) throw mustBeOff(before, 'A disk cannot grow');
  const removed = base.disks.filter(({ id }) => change.removeDisks?.includes(id) === true);
  const discarded = change.deleteDiskFiles === true ? removed : [];
  const held = discarded.some(({ path }) => before.definition.disks.some((disk) => disk.path === path));
  if (!off && held) throw mustBeOff(before, 'The file of a disk cannot be deleted');
  requirePlace(state, entry, { context, definition });
  const vm = entry.record.value.definition.name;
  const record: VmRecord = off
    ? { ...before, definition }
    : { ...before, ...(sameHardware(before.definition, definition) ? {} : { pendingDefinition: definition }) };
  return {
    record,
    compare: [
      { key: keys.vmOwner(vm), modRevision: entry.owner?.modRevision ?? '0' },
      { key: keys.vmStatus(vm), modRevision: entry.status?.modRevision ?? '0' },
      { key: keys.vmIntent(vm), modRevision: '0' },
    ],
    write: off ? releasedAddresses(before.definition, definition) : [],
    discarded,
  };
}

function sameHardware(a: VmDefinition, b: VmDefinition): boolean {
  const of = ({ memoryBytes, cpus, disks, nics, cdroms = [] }: VmDefinition) =>
    JSON.stringify([memoryBytes, cpus, disks, nics, cdroms]);
  return of(a) === of(b);
}

/** Some node must be able to take it, and its owner must have what it asks for: that is where it starts. */
function requirePlace(
  state: ClusterState,
  entry: VmEntry,
  { context, definition }: { readonly context: ApiContext; readonly definition: VmDefinition },
): void {
  const availability = availabilityOf(entry.record.value);
  const nodes = nodesForPlacement({ state, now: context.reader.now() });
  const owner = nodes.find(({ facts }) => facts.name === entry.owner?.value.node);
  const lacks =
    owner === undefined
      ? []
      : whyNotOn(owner, { definition, owner: null, memory: 'some-day', availability }).filter(({ obstacle }) =>
          ['network', 'storage', 'memory'].includes(obstacle),
        );
  if (lacks.length > 0) {
    throw new GodwitError({
      code: lacks.every(({ obstacle }) => obstacle === 'memory') ? 'NOT_ENOUGH_MEMORY' : 'PLACEMENT_NOT_POSSIBLE',
      message: `${nameOf(entry)} could not start where it is: ${lacks.map(({ text }) => text).join(' ')}`,
      state: NOTHING_CHANGED,
      nextStep: 'Ask for less, or give the node what it lacks; `godwit node list` shows what each has.',
      details: { reasons: lacks.map(({ text }) => text) },
    });
  }
  if (owner === undefined) chooseOwner(nodes, definition, availability);
}
