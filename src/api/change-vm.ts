import type { FastifyInstance } from 'fastify';
import { type ChangeVmBody, changeVm } from '../contract/vms.ts';
import type { ClusterState, VmEntry } from '../model/cluster-state.ts';
import { keys } from '../model/keys.ts';
import type { VmRecord } from '../model/vm.ts';
import { type Change, commitChange } from './commit.ts';
import type { ApiContext } from './context.ts';
import { checkBudget } from './new-vm-request.ts';
import { readForDecision, requireVm } from './read-state.ts';
import { answer, serve } from './resource.ts';
import { shownNow, vmView } from './views.ts';
import { nameOf, requireNotMigrating } from './vm-state-checks.ts';
import { withSettings } from './vm-settings.ts';

export function serveChangeVm(app: FastifyInstance, context: ApiContext): void {
  serve(app, changeVm, async ({ params: { name }, body }) => {
    if (body.budgetMs !== undefined) checkBudget(body.budgetMs);
    await commitChange(context, async () => {
      const state = await readForDecision(context, name);
      return changeOf(state, requireVm(state, name), body);
    });
    const shown = shownNow(context.reader);
    return answer(200, vmView(shown, requireVm(shown.state, name)));
  });
}

function changeOf(state: ClusterState, entry: VmEntry, body: ChangeVmBody): Change<null> {
  const before = entry.record.value;
  const { highlyAvailable = before.highlyAvailable, automaticStart = before.automaticStart } = body;
  // Its process is in the group of those that the guard stops, or in the other one, on both nodes of the migration.
  if (highlyAvailable !== before.highlyAvailable) requireNotMigrating(entry);
  const record: VmRecord = {
    ...before,
    ...{ highlyAvailable, automaticStart, budgetMs: body.budgetMs ?? before.budgetMs },
    availability: withSettings(before.availability, body, state),
  };
  const key = keys.vmRecord(nameOf(entry));
  const compare = [{ key, modRevision: entry.record.modRevision }];
  if (highlyAvailable !== before.highlyAvailable) compare.push({ key: keys.vmIntent(nameOf(entry)), modRevision: '0' });
  return {
    transaction: { compare, write: [{ put: key, value: record }] },
    proof: { key, value: record },
    result: null,
  };
}
