import type { FastifyInstance } from 'fastify';
import { type DeletedVm, deleteVm } from '../contract/vms.ts';
import { comparesOfVm } from '../failover/assign.ts';
import type { ClusterState, VmEntry } from '../model/cluster-state.ts';
import { toErrorBody } from '../model/errors.ts';
import { keys } from '../model/keys.ts';
import type { VmName } from '../model/names.ts';
import { withoutAllocation } from '../model/node.ts';
import type { VmRecord } from '../model/vm.ts';
import type { Compare, Write } from '../ports/store.ts';
import { type Change, commitChange } from './commit.ts';
import type { ApiContext } from './context.ts';
import { addressesOf, allCdromsOf, allDisksOf } from './pending-hardware.ts';
import { readForDecision, requireVm } from './read-state.ts';
import { answer, serve } from './resource.ts';
import { nameOf, pendingRequest, requireNotMigrating, requireState, unsuitable } from './vm-state-checks.ts';

export function serveDeleteVm(app: FastifyInstance, context: ApiContext): void {
  serve(app, deleteVm, async ({ params: { name }, query }) => {
    const record = await deleteRecord(context, name);
    await removeSeed(context, record);
    await removeSavedMemory(context, record);
    const disks = query.deleteDisks === true ? await removeDisks(context, record) : keptDisks(record);
    return answer(200, { name, disks });
  });
}

/** Everything the store has of the VM goes in one transaction; afterwards no agent can start it. */
async function deleteRecord(context: ApiContext, vm: VmName): Promise<VmRecord> {
  return await commitChange(context, async () => {
    const state = await readForDecision(context, vm);
    const entry = requireVm(state, vm);
    requireNotMigrating(entry);
    requireState(entry, ['off', 'saved', 'failed'], 'deleted');
    if (pendingRequest(entry)?.action === 'start') throw unsuitable(entry, `${nameOf(entry)} is being started.`);
    return changeOf(state, entry);
  });
}

function changeOf(state: ClusterState, entry: VmEntry): Change<VmRecord> {
  const vm = nameOf(entry);
  const { definition } = entry.record.value;
  const addresses = addressesOf(definition);
  const memory = releasedMemory(state, vm);
  return {
    transaction: {
      compare: [...comparesOfVm(entry), ...memory.compare],
      write: [
        ...[keys.vmRecord(vm), keys.vmOwner(vm), keys.vmStatus(vm), keys.vmCancel(vm), keys.vmActivity(vm)].map(
          (key) => ({ delete: key }),
        ),
        ...addresses.map((address) => ({ delete: keys.guestAddress(address) })),
        ...memory.write,
      ],
    },
    proof: { key: keys.vmRecord(vm), value: undefined },
    result: entry.record.value,
  };
}

/** What any node still holds for the VM is free again. */
function releasedMemory(state: ClusterState, vm: VmName): { compare: Compare[]; write: Write[] } {
  const held = [...state.memory].filter(([, memory]) => memory.value.allocations[vm] !== undefined);
  return {
    compare: held.map(([node, memory]) => ({ key: keys.nodeMemory(node), modRevision: memory.modRevision })),
    write: held.map(([node, memory]) => ({ put: keys.nodeMemory(node), value: withoutAllocation(memory.value, vm) })),
  };
}

/** Made for this VM alone, and with the hash of a password in it. */
async function removeSeed(context: ApiContext, record: VmRecord): Promise<void> {
  for (const { id, path } of allCdromsOf(record)) {
    if (id !== 'seed') continue;
    await context.seeds.remove(path).catch((error: unknown) => {
      context.log.warn('What cloud-init read could not be removed', { vm: record.definition.name, path, error });
    });
  }
}

/** Nothing can be done with it but to start this VM. */
async function removeSavedMemory(context: ApiContext, { definition }: VmRecord): Promise<void> {
  try {
    for (const path of await context.savedMemory.list(definition)) await context.savedMemory.remove({ path });
  } catch (error) {
    context.log.warn('The saved memory of a deleted VM could not be removed', { vm: definition.name, error });
  }
}

function keptDisks(record: VmRecord): DeletedVm['disks'] {
  return allDisksOf(record).map(({ path }) => ({ path, deleted: false, reason: null }));
}

/** The VM is gone whatever happens here, so a disk that stays is reported and not thrown. */
async function removeDisks(context: ApiContext, record: VmRecord): Promise<DeletedVm['disks']> {
  const removed: { path: string; deleted: boolean; reason: string | null }[] = [];
  for (const disk of allDisksOf(record)) {
    try {
      await context.disks.remove(disk);
      removed.push({ path: disk.path, deleted: true, reason: null });
    } catch (error) {
      context.log.warn('A disk of a deleted VM could not be removed', {
        vm: record.definition.name,
        path: disk.path,
        error,
      });
      removed.push({ path: disk.path, deleted: false, reason: toErrorBody(error).message });
    }
  }
  return removed;
}
