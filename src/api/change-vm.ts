import type { FastifyInstance } from 'fastify';
import { type ChangeVmBody, changeVm } from '../contract/vms.ts';
import type { ClusterState, VmEntry } from '../model/cluster-state.ts';
import { GodwitError, toErrorBody } from '../model/errors.ts';
import { keys } from '../model/keys.ts';
import type { VmName } from '../model/names.ts';
import type { VmDisk, VmRecord } from '../model/vm.ts';
import { changeHardware, type HardwareDecision, prepareHardware } from './change-hardware.ts';
import { type Change, commitChange } from './commit.ts';
import type { ApiContext } from './context.ts';
import { removeMadeDisks } from './new-vm-disks.ts';
import { checkBudget, checkBudgets } from './new-vm-request.ts';
import { readForDecision, requireVm } from './read-state.ts';
import { answer, serve } from './resource.ts';
import { shownNow, vmView } from './views.ts';
import { nameOf, requireNotMigrating } from './vm-state-checks.ts';
import { withSettings } from './vm-settings.ts';

export function serveChangeVm(app: FastifyInstance, context: ApiContext): void {
  serve(app, changeVm, async ({ params: { name }, body }) => {
    if (body.budgetMs !== undefined) checkBudget(body.budgetMs);
    if (body.budgetMaxMs != null) checkBudget(body.budgetMaxMs);
    const discarded = await change(context, name, body);
    for (const disk of discarded) await removeDiscarded(context, name, disk);
    const shown = shownNow(context.reader);
    return answer(200, vmView(shown, requireVm(shown.state, name)));
  });
}

/** Returns the disks whose files are to be deleted. */
async function change(context: ApiContext, name: VmName, body: ChangeVmBody): Promise<readonly VmDisk[]> {
  const prepared = await prepareHardware(context, name, body);
  try {
    return await commitChange(context, async () => {
      const state = await readForDecision(context, name);
      const entry = requireVm(state, name);
      const hardware = prepared === null ? null : changeHardware(state, entry, { context, prepared });
      return changeOf(state, { entry, body, hardware });
    });
  } catch (error) {
    // If the outcome is unknown the VM may have them.
    const mayBeThere = error instanceof GodwitError && error.code === 'STORE_OUTCOME_UNKNOWN';
    if (prepared !== null && !mayBeThere) await removeMadeDisks(context, prepared.made);
    throw error;
  }
}

/** The VM does not have it any more, whatever becomes of its file. */
async function removeDiscarded(context: ApiContext, vm: VmName, disk: VmDisk): Promise<void> {
  try {
    await context.disks.remove(disk);
  } catch (error) {
    context.log.warn('The file of a removed disk could not be deleted', { vm, path: disk.path, error });
    throw new GodwitError({
      code: 'DISK_FAILED',
      message: `The file ${disk.path} could not be deleted: ${toErrorBody(error).message}`,
      state: `${vm} does not have the disk any more; the file may still be there.`,
      nextStep: 'Check the volume, and delete the file by hand.',
    });
  }
}

/** What is given is judged together with what stays. Throws INVALID_INPUT. */
function withBudgets(before: VmRecord, { budgetMs, budgetMaxMs }: ChangeVmBody): VmRecord {
  if (budgetMs === undefined && budgetMaxMs === undefined) return before;
  const { budgetMaxMs: maxBefore = null, ...rest } = before;
  const changed = {
    budgetMs: budgetMs ?? before.budgetMs,
    budgetMaxMs: budgetMaxMs === undefined ? maxBefore : budgetMaxMs,
  };
  checkBudgets(changed);
  return {
    ...rest,
    budgetMs: changed.budgetMs,
    ...(changed.budgetMaxMs !== null && { budgetMaxMs: changed.budgetMaxMs }),
  };
}

interface ChangeInput {
  readonly entry: VmEntry;
  readonly body: ChangeVmBody;
  readonly hardware: HardwareDecision | null;
}

function changeOf(state: ClusterState, { entry, body, hardware }: ChangeInput): Change<readonly VmDisk[]> {
  const before = hardware?.record ?? entry.record.value;
  const was = entry.record.value.highlyAvailable;
  const { highlyAvailable = before.highlyAvailable, automaticStart = before.automaticStart } = body;
  // Its process is in the group of those that the guard stops, or in the other one, on both nodes of the migration.
  if (highlyAvailable !== was) requireNotMigrating(entry);
  const record: VmRecord = {
    ...withBudgets(before, body),
    ...{ highlyAvailable, automaticStart },
    availability: withSettings(before.availability, body, state),
  };
  const key = keys.vmRecord(nameOf(entry));
  const compare = [{ key, modRevision: entry.record.modRevision }, ...(hardware?.compare ?? [])];
  if (highlyAvailable !== was && hardware === null) {
    compare.push({ key: keys.vmIntent(nameOf(entry)), modRevision: '0' });
  }
  return {
    transaction: { compare, write: [{ put: key, value: record }, ...(hardware?.write ?? [])] },
    proof: { key, value: record },
    result: hardware?.discarded ?? [],
  };
}
