import type { FastifyInstance } from 'fastify';
import { type MigrateVmBody, type MigrationDryRun, type MigrationStarted, migrateVm } from '../contract/migrations.ts';
import { smallestLimit } from '../migration/bandwidth-limit.ts';
import { isoDate } from '../migration/write-receipt.ts';
import type { ClusterState, Versioned, VmEntry } from '../model/cluster-state.ts';
import { definitionHash } from '../model/definition-hash.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import type { MigrationIntent } from '../model/intent.ts';
import { keys } from '../model/keys.ts';
import type { MigrationId, NodeName, VmName } from '../model/names.ts';
import { type NodeMemory, withAllocation } from '../model/node.ts';
import type { VmOwner } from '../model/vm.ts';
import { type Change, commitChange } from './commit.ts';
import type { ApiContext } from './context.ts';
import { judgeMigration, type MigrationJudgement, refusal } from './judge-migration.ts';
import { checkBudget, invalid } from './new-vm-request.ts';
import { planTransfer, type TransferPlan, type TransferRequest } from './plan-transfer.ts';
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
      : planTransfer(state, { ...limited(state, wishes, { source, destination }), ...forPlan(context, entry) });
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
  const ends = endsOf(state, entry, judged);
  if (ends === null) throw refusal(entry, judged);
  const { definition } = entry.record.value;
  const between = { source: ends.owner.value.node, destination: ends.destination };
  const wishes = limited(state, wishesOf(context, entry, body), between);
  const plan = planTransfer(state, { ...wishes, ...forPlan(context, entry) });
  const intent: MigrationIntent = {
    migrationId: id,
    vm,
    epoch: ends.owner.modRevision,
    mode: 'live',
    ...wishes,
    ...{ compression: plan.compression, compressionReason: plan.reason, forecast: plan.forecast },
    definitionHash: definitionHash(definition),
    requestedAt: isoDate(context.clock.wallMs()),
  };
  return changeOf(entry, { intent, ends, destinationReason: judged.destinationReason });
}

/** A forecast may rest on this node's view of the sample: nothing that matters for safety reads it. */
function forPlan({ reader, clock }: ApiContext, entry: VmEntry): Pick<TransferRequest, 'entry' | 'activity' | 'nowMs'> {
  const viewed = reader.current().vms.get(entry.record.value.definition.name);
  return { entry, activity: entry.activity ?? viewed?.activity ?? null, nowMs: clock.wallMs() };
}

type Wishes = Pick<MigrationIntent, 'budgetMs' | 'budgetMaxMs' | 'bandwidthBytesPerSecond' | 'encrypted'>;

type Between = Pick<TransferRequest, 'source' | 'destination'>;

/** With the smallest of the limits of the request and of both nodes, which have that of the migration network in theirs: a request can only lower it. */
function limited(state: ClusterState, wishes: Wishes, between: Between): Wishes & Between {
  const limitOf = (node: NodeName) => state.nodes.get(node)?.facts.value.migration.bandwidthBytesPerSecond ?? null;
  const { source, destination } = between;
  const limits = [wishes.bandwidthBytesPerSecond, limitOf(source), limitOf(destination)];
  return { ...wishes, ...between, bandwidthBytesPerSecond: smallestLimit(...limits) };
}

/** What the request leaves open is as the VM and the cluster have it. Throws INVALID_INPUT. */
function wishesOf({ config }: ApiContext, entry: VmEntry, body: MigrateVmBody): Wishes {
  const budgetMs = body.budgetMs ?? entry.record.value.budgetMs;
  const budgetMaxMs = body.budgetMaxMs ?? budgetMs;
  if (budgetMaxMs < budgetMs) {
    throw invalid(
      `The budget cannot be widened to ${budgetMaxMs} ms: it is ${budgetMs} ms already.`,
      'Give a larger one, or a smaller budget.',
    );
  }
  const { bandwidthBytesPerSecond = null } = body;
  return { budgetMs, budgetMaxMs, bandwidthBytesPerSecond, encrypted: body.encrypted ?? config.migration.tls };
}

interface Ends {
  readonly owner: Versioned<VmOwner>;
  readonly destination: NodeName;
  readonly memory: Versioned<NodeMemory>;
}

/** Both ends of the migration, or null if something speaks against it. */
function endsOf(state: ClusterState, { owner }: VmEntry, { reasons, destination }: MigrationJudgement): Ends | null {
  const memory = destination === null ? undefined : state.memory.get(destination);
  if (reasons.length > 0 || owner === null || destination === null || memory === undefined) return null;
  return { owner, destination, memory };
}

interface ChangeInput {
  readonly intent: MigrationIntent;
  readonly ends: Ends;
  readonly destinationReason: string;
}

/** One transaction: the intent, and the memory on the destination, so that nobody else can take it. */
function changeOf(entry: VmEntry, { intent, ends, destinationReason }: ChangeInput): Change<MigrationStarted> {
  const { vm, migrationId, definitionHash: _hash, epoch: _epoch, ...shown } = intent;
  const { name, memoryBytes } = entry.record.value.definition;
  const memoryKey = keys.nodeMemory(ends.destination);
  return {
    transaction: {
      compare: [
        { key: keys.vmOwner(vm), modRevision: ends.owner.modRevision },
        { key: keys.vmIntent(vm), modRevision: '0' },
        { key: memoryKey, modRevision: ends.memory.modRevision },
        { key: keys.vmRecord(vm), modRevision: entry.record.modRevision },
        { key: keys.vmStatus(vm), modRevision: entry.status?.modRevision ?? '0' },
      ],
      write: [
        { put: keys.vmIntent(vm), value: intent },
        { put: memoryKey, value: withAllocation(ends.memory.value, name, memoryBytes) },
        // A cancel key that outlived its migration must not be there beside a new one.
        ...(entry.cancel === null ? [] : [{ delete: keys.vmCancel(vm) }]),
      ],
    },
    proof: { key: keys.vmIntent(vm), value: intent },
    result: { dryRun: false, migrationId, vm, destinationReason, ...shown },
  };
}
