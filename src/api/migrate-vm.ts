import type { FastifyInstance } from 'fastify';
import { type MigrateVmBody, type MigrationDryRun, type MigrationStarted, migrateVm } from '../contract/migrations.ts';
import {
  budgetOfMigration,
  type MigrationWishes,
  openMigration,
  type OpenMigrationInput,
  planMigration,
} from '../migration/open-migration.ts';
import type { TransferPlan } from '../migration/plan-transfer.ts';
import type { VmEntry } from '../model/cluster-state.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { keys } from '../model/keys.ts';
import type { MigrationId, VmName } from '../model/names.ts';
import { type Change, commitChange } from './commit.ts';
import type { ApiContext } from './context.ts';
import { judgeMigration, refusal } from './judge-migration.ts';
import { invalid } from './invalid-input.ts';
import { checkBudget } from './new-vm-request.ts';
import { readForDecision, requireVm } from './read-state.ts';
import { answer, serve } from './resource.ts';

export function serveMigrateVm(app: FastifyInstance, context: ApiContext): void {
  serve(app, migrateVm, async ({ params: { name }, body }) => {
    checkRequest(body);
    if (body.dryRun === true) return answer(200, await dryRun(context, name, body));
    const id = context.ids.migrationId();
    const started = await commitChange(context, () => decide(context, { vm: name, body, id }));
    return answer(202, started);
  });
}

function checkRequest(body: MigrateVmBody): void {
  const { mode = 'live', budgetMs, budgetMaxMs, bandwidthBytesPerSecond } = body;
  if (mode !== 'live') {
    throw new GodwitError({
      code: 'MODE_NOT_SUPPORTED',
      message: `The mode "${mode}" is not supported yet.`,
      state: NOTHING_CHANGED,
      nextStep: 'Use --mode live.',
    });
  }
  if (budgetMs !== undefined) checkBudget(budgetMs);
  if (budgetMaxMs !== undefined) checkBudget(budgetMaxMs);
  if (bandwidthBytesPerSecond != null && bandwidthBytesPerSecond <= 0) {
    throw invalid(
      `A bandwidth of ${bandwidthBytesPerSecond} bytes per second is not possible.`,
      'Give one above 0, or none.',
    );
  }
}

async function dryRun(context: ApiContext, vm: VmName, body: MigrateVmBody): Promise<MigrationDryRun> {
  const state = await readForDecision(context, vm);
  const entry = requireVm(state, vm);
  const judged = judgeMigration({ state, now: context.reader.now() }, entry, body.to);
  const source = entry.owner?.value.node ?? null;
  const { destination } = judged;
  const wishes = wishesOf(context, entry, body);
  const { compression, reason, forecast } =
    source === null || destination === null
      ? UNPLANNED
      : planMigration(state, { source, destination, wishes, ...forPlan(context, entry) });
  return {
    dryRun: true,
    possible: judged.reasons.length === 0,
    reasons: judged.reasons.map((reason) => reason.text),
    vm,
    ...{ source, destination, candidates: judged.candidates },
    ...{ budgetMs: wishes.budgetMs, budgetMaxMs: wishes.budgetMaxMs },
    ...{ compression, compressionReason: reason, forecast },
  };
}

const NO_DESTINATION = 'there is no destination to move it to';
const UNPLANNED: TransferPlan = {
  compression: 'none',
  reason: NO_DESTINATION,
  forecast: { totalMs: null, blackoutMs: null, converges: null, reason: NO_DESTINATION },
};

interface MigrateInput {
  readonly vm: VmName;
  readonly body: MigrateVmBody;
  readonly id: MigrationId;
}

async function decide(context: ApiContext, { vm, body, id }: MigrateInput): Promise<Change<MigrationStarted>> {
  const state = await readForDecision(context, vm);
  const entry = requireVm(state, vm);
  const judged = judgeMigration({ state, now: context.reader.now() }, entry, body.to);
  const { destination } = judged;
  if (judged.reasons.length > 0 || destination === null) throw refusal(entry, judged);
  const wishes = wishesOf(context, entry, body);
  const opened = openMigration(state, { id, destination, wishes, ...forPlan(context, entry) });
  if (opened === null) throw refusal(entry, judged);
  const { intent, transaction } = opened;
  const { migrationId, definitionHash: _hash, epoch: _epoch, ...shown } = intent;
  return {
    transaction,
    proof: { key: keys.vmIntent(vm), value: intent },
    result: { dryRun: false, migrationId, destinationReason: judged.destinationReason, ...shown },
  };
}

/** A forecast may rest on this node's view of the sample: nothing that matters for safety reads it. */
function forPlan(
  { reader, clock }: ApiContext,
  entry: VmEntry,
): Pick<OpenMigrationInput, 'entry' | 'activity' | 'nowMs'> {
  const viewed = reader.current().vms.get(entry.record.value.definition.name);
  return { entry, activity: entry.activity ?? viewed?.activity ?? null, nowMs: clock.wallMs() };
}

/** What the request leaves open is as the VM and the cluster have it. Throws INVALID_INPUT. */
function wishesOf({ config }: ApiContext, entry: VmEntry, body: MigrateVmBody): MigrationWishes {
  const { budgetMs, budgetMaxMs } = budgetOfMigration(entry.record.value, body);
  if (budgetMaxMs < budgetMs) {
    throw invalid(
      `The budget cannot be widened to ${budgetMaxMs} ms: it is ${budgetMs} ms already.`,
      'Give a larger one, or a smaller budget.',
    );
  }
  const { bandwidthBytesPerSecond = null } = body;
  return { budgetMs, budgetMaxMs, bandwidthBytesPerSecond, encrypted: body.encrypted ?? config.migration.tls };
}
