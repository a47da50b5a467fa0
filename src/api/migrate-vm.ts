import type { FastifyInstance } from 'fastify';
import { type MigrateVmBody, type MigrationDryRun, type MigrationStarted, migrateVm } from '../contract/migrations.ts';
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
  const { mode = 'live', budgetMs, bandwidthBytesPerSecond } = body;
  if (mode !== 'live') {
    throw new GodwitError({
      code: 'MODE_NOT_SUPPORTED',
      message: `The mode "${mode}" is not supported yet.`,
      state: NOTHING_CHANGED,
      nextStep: 'Use --mode live.',
    });
  }
  if (budgetMs !== undefined) checkBudget(budgetMs);
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
  const judged = judgeMigration({ state, monotonicMs: context.reader.monotonicMs() }, entry, body.to);
  const bandwidth = bandwidthOf(context, body);
  const { memoryBytes } = entry.record.value.definition;
  return {
    dryRun: true,
    possible: judged.reasons.length === 0,
    reasons: judged.reasons.map((reason) => reason.text),
    vm,
    source: entry.owner?.value.node ?? null,
    destination: judged.destination,
    candidates: judged.candidates,
    // All memory once at the given rate: the least it takes. Without a limit nothing is known before it is measured.
    forecast: { totalMs: bandwidth === null ? null : (memoryBytes / bandwidth) * 1000, blackoutMs: null },
  };
}

interface MigrateInput {
  readonly vm: VmName;
  readonly body: MigrateVmBody;
  readonly id: MigrationId;
}

async function decide(context: ApiContext, { vm, body, id }: MigrateInput): Promise<Change<MigrationStarted>> {
  const state = await readForDecision(context, vm);
  const entry = requireVm(state, vm);
  const judged = judgeMigration({ state, monotonicMs: context.reader.monotonicMs() }, entry, body.to);
  const ends = endsOf(state, entry, judged);
  if (ends === null) throw refusal(entry, judged);
  const { budgetMs, definition } = entry.record.value;
  const intent: MigrationIntent = {
    migrationId: id,
    vm,
    source: ends.owner.value.node,
    destination: ends.destination,
    epoch: ends.owner.modRevision,
    mode: 'live',
    budgetMs: body.budgetMs ?? budgetMs,
    budgetMaxMs: body.budgetMs ?? budgetMs,
    compression: 'none',
    compressionReason: '',
    forecast: { totalMs: null, blackoutMs: null, converges: null, reason: 'nothing was measured yet' },
    bandwidthBytesPerSecond: bandwidthOf(context, body),
    encrypted: body.encrypted ?? context.config.migration.tls,
    definitionHash: definitionHash(definition),
    requestedAt: isoDate(context.clock.wallMs()),
  };
  return changeOf(entry, { intent, ends, destinationReason: judged.destinationReason });
}

function bandwidthOf(context: ApiContext, { bandwidthBytesPerSecond }: MigrateVmBody): number | null {
  return bandwidthBytesPerSecond === undefined
    ? context.config.migration.bandwidthBytesPerSecond
    : bandwidthBytesPerSecond;
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
