import type { FastifyInstance } from 'fastify';
import { discardSavedMemory } from '../contract/vms.ts';
import { comparesOfVm } from '../failover/assign.ts';
import { mayHaveProcess } from '../failover/proven-quiet.ts';
import { isoDate } from '../migration/write-receipt.ts';
import type { VmEntry } from '../model/cluster-state.ts';
import { keys } from '../model/keys.ts';
import type { SavedMemory, VmRecord, VmStatus } from '../model/vm.ts';
import { type Change, commitChange } from './commit.ts';
import type { ApiContext } from './context.ts';
import { readForDecision, requireVm } from './read-state.ts';
import { answer, serve } from './resource.ts';
import { shownNow, vmView } from './views.ts';
import { nameOf, pendingRequest, requireNotMigrating, requireState, unsuitable } from './vm-state-checks.ts';

/** Done by whichever node is asked: the VM has no process, so its owner need not even be there. */
export function serveDiscardSavedMemory(app: FastifyInstance, context: ApiContext): void {
  serve(app, discardSavedMemory, async ({ params: { name } }) => {
    const saved = await commitChange(context, async () => {
      const state = await readForDecision(context, name);
      return discard(requireVm(state, name), isoDate(context.clock.wallMs()));
    });
    // Nothing leads to it any more. Only this file: the VM may have been started and saved anew in the meantime.
    await context.savedMemory.remove(saved).catch((error: unknown) => {
      context.log.warn('Saved memory that was given up could not be removed', { vm: name, error });
    });
    const shown = shownNow(context.reader);
    return answer(200, vmView(shown, requireVm(shown.state, name)));
  });
}

/** Throws VM_STATE_UNSUITABLE, VM_MIGRATING. */
function discard(entry: VmEntry, since: string): Change<SavedMemory> {
  const { saved, ...kept } = entry.record.value;
  const [vm, owner] = [nameOf(entry), entry.owner?.value.node ?? ''];
  if (saved === undefined) throw unsuitable(entry, `${vm} has no saved memory.`);
  requireNotMigrating(entry);
  requireState(entry, ['saved', 'failed'], 'freed of its saved memory');
  const pending = pendingRequest(entry);
  if (pending !== null || mayHaveProcess(entry)) {
    const why = pending === null ? 'may still have a process' : `has a ${pending.action} ahead of it`;
    throw unsuitable(entry, `The saved memory of ${vm} cannot be deleted now: the VM ${why}.`);
  }
  // One that has failed may still be meant to run, and whoever brings it back would boot it anew without being asked.
  const record: VmRecord = { ...kept, desired: 'off' };
  const status: VmStatus = {
    ...{ node: owner, settledRequest: null, ...entry.status?.value },
    ...{ state: 'off', instance: null, since, reason: 'Its saved memory was deleted', error: null },
  };
  const key = keys.vmRecord(vm);
  return {
    transaction: {
      compare: comparesOfVm(entry),
      write: [
        { put: key, value: record },
        { put: keys.vmStatus(vm), value: status },
      ],
    },
    proof: { key, value: record },
    result: saved,
  };
}
