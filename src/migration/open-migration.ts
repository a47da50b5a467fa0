// The transaction that opens a live migration: written for a request of a user, and for a drain or a failback.
import type { ClusterState, Versioned, VmEntry } from '../model/cluster-state.ts';
import { definitionHash } from '../model/definition-hash.ts';
import type { MigrationIntent } from '../model/intent.ts';
import { keys } from '../model/keys.ts';
import type { MigrationId, NodeName } from '../model/names.ts';
import { type NodeMemory, withAllocation } from '../model/node.ts';
import type { Compare, Transaction } from '../model/transaction.ts';
import type { VmActivity, VmRecord } from '../model/vm.ts';
import { smallestLimit } from './bandwidth-limit.ts';
import { planTransfer, type TransferPlan } from './plan-transfer.ts';
import { isoDate } from './write-receipt.ts';

/** What the user, or the cluster for him, wants of a migration. */
export type MigrationWishes = Pick<
  MigrationIntent,
  'budgetMs' | 'budgetMaxMs' | 'bandwidthBytesPerSecond' | 'encrypted'
>;

/**
 * Budget of a migration and to what it may be widened: as asked for, else as the VM has it. What the VM allows never ends below the
 * budget asked for; whether a maximum that was asked for fits the budget is judged by whoever takes the request.
 */
export function budgetOfMigration(
  record: Pick<VmRecord, 'budgetMs' | 'budgetMaxMs'>,
  asked: { readonly budgetMs?: number; readonly budgetMaxMs?: number } = {},
): Pick<MigrationIntent, 'budgetMs' | 'budgetMaxMs'> {
  const budgetMs = asked.budgetMs ?? record.budgetMs;
  return { budgetMs, budgetMaxMs: asked.budgetMaxMs ?? Math.max(budgetMs, record.budgetMaxMs ?? budgetMs) };
}

/** Both ends, and the memory on the destination as it was read. */
export interface MigrationEnds {
  readonly source: NodeName;
  readonly destination: NodeName;
}

/** With the smallest of the limits of the request and of both nodes, which have that of the migration network in theirs: a request can only lower it. */
export function limitedWishes(
  state: ClusterState,
  wishes: MigrationWishes,
  { source, destination }: MigrationEnds,
): MigrationWishes {
  const limitOf = (node: NodeName) => state.nodes.get(node)?.facts.value.migration.bandwidthBytesPerSecond ?? null;
  const limits = [wishes.bandwidthBytesPerSecond, limitOf(source), limitOf(destination)];
  return { ...wishes, bandwidthBytesPerSecond: smallestLimit(...limits) };
}

export interface OpenMigrationInput {
  readonly id: MigrationId;
  readonly entry: VmEntry;
  readonly destination: NodeName;
  readonly wishes: MigrationWishes;
  readonly activity: VmActivity | null;
  /** Wall clock, in milliseconds since 1970. */
  readonly nowMs: number;
}

export interface OpenedMigration {
  readonly intent: MigrationIntent;
  readonly transaction: Transaction;
}

/** How its memory would go over, and what is forecast of it. */
export function planMigration(
  state: ClusterState,
  input: Omit<OpenMigrationInput, 'id'> & { readonly source: NodeName },
): TransferPlan {
  const { entry, activity, nowMs, source, destination } = input;
  const wishes = limitedWishes(state, input.wishes, { source, destination });
  return planTransfer(state, { ...wishes, source, destination, entry, activity, nowMs });
}

/**
 * One transaction: the intent, and the memory on the destination, so that nobody else can take it. When it is applied both nodes must
 * still be members, and nobody may have paused, drained or resumed one of them since. Null if the VM has no owner or the destination
 * has not published its memory.
 */
export function openMigration(state: ClusterState, input: OpenMigrationInput): OpenedMigration | null {
  const { id, entry, destination, nowMs } = input;
  const memory = state.memory.get(destination);
  if (entry.owner === null || memory === undefined) return null;
  const { definition } = entry.record.value;
  const source = entry.owner.value.node;
  const plan = planMigration(state, { ...input, source });
  const intent: MigrationIntent = {
    migrationId: id,
    vm: definition.name,
    ...{ source, destination },
    epoch: entry.owner.modRevision,
    mode: 'live',
    ...limitedWishes(state, input.wishes, { source, destination }),
    ...{ compression: plan.compression, compressionReason: plan.reason, forecast: plan.forecast },
    definitionHash: definitionHash(definition),
    requestedAt: isoDate(nowMs),
  };
  return { intent, transaction: transactionOf(state, { entry, intent, memory }) };
}

function transactionOf(
  state: ClusterState,
  { entry, intent, memory }: { entry: VmEntry; intent: MigrationIntent; memory: Versioned<NodeMemory> },
): Transaction {
  const { vm, source, destination, epoch } = intent;
  const memoryKey = keys.nodeMemory(destination);
  const { memoryBytes } = entry.record.value.definition;
  return {
    compare: [
      { key: keys.vmOwner(vm), modRevision: epoch },
      { key: keys.vmIntent(vm), modRevision: '0' },
      { key: memoryKey, modRevision: memory.modRevision },
      { key: keys.vmRecord(vm), modRevision: entry.record.modRevision },
      { key: keys.vmStatus(vm), modRevision: entry.status?.modRevision ?? '0' },
      ...unchangedNode(state, source),
      ...unchangedNode(state, destination),
    ],
    write: [
      { put: keys.vmIntent(vm), value: intent },
      { put: memoryKey, value: withAllocation(memory.value, vm, memoryBytes) },
      // A cancel key that outlived its migration must not be there beside a new one.
      ...(entry.cancel === null ? [] : [{ delete: keys.vmCancel(vm) }]),
    ],
  };
}

/** A node that was fenced or has come back since has another fencing token; the end of a drain is a change of service. */
function unchangedNode(state: ClusterState, node: NodeName): Compare[] {
  const entry = state.nodes.get(node);
  return [
    { key: keys.nodeMembership(node), modRevision: entry?.membership?.modRevision ?? '0' },
    { key: keys.nodeService(node), modRevision: entry?.service?.modRevision ?? '0' },
  ];
}
