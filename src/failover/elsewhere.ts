// A new owner for a VM that has no process anywhere and whose owner is not fenced: it has failed there too often, it is off and its
// owner is not there to start it, or it is off and its owner is drained.
import type { ClusterState, Now, VmEntry } from '../model/cluster-state.ts';
import type { NewEvent } from '../model/events.ts';
import { keys } from '../model/keys.ts';
import type { NodeName } from '../model/names.ts';
import { withAllocation, withoutAllocation } from '../model/node.ts';
import type { Compare, Transaction, Write } from '../model/transaction.ts';
import type { VmRecord, VmStatus } from '../model/vm.ts';
import { judgeNodes, whyChosen } from '../placement/choose-node.ts';
import { nodesForPlacement } from '../placement/occupancy.ts';
import { Room } from '../placement/room.ts';
import type { ScoreTerm } from '../placement/score.ts';
import { assignTransaction, comparesOfVm } from './assign.ts';
import { isGuarded, mayHaveProcess, provenQuiet } from './proven-quiet.ts';
import { needsOf } from './recovery-needs.ts';
import { withStartElsewhere } from './restart-policy.ts';
import { whyWaiting } from './why-waiting.ts';

export interface ElsewhereDecision {
  readonly kind: 'assign' | 'failed';
  /** Null if no node can take it. */
  readonly to: NodeName | null;
  readonly reason: string;
  readonly terms: readonly ScoreTerm[];
  readonly transaction: Transaction;
  readonly event: NewEvent;
}

/** For the VM that decideVm wants to move elsewhere; carried out by its owner, whose status says why it failed there. */
export function decideElsewhere(state: ClusterState, now: Now, entry: VmEntry): ElsewhereDecision {
  const nodes = nodesForPlacement(state, now);
  const needs = { ...needsOf(entry, now), owner: null };
  const from = entry.owner?.value.node ?? '';
  const others = nodes.filter(({ facts }) => facts.name !== from);
  const room = Room.of(others);
  const placement = room.best(needs);
  const before = entry.status?.value;
  const vm = needs.definition.name;
  if (placement === null || before?.restarts === undefined) {
    const reason = `${before?.reason ?? 'It failed'}, but no other node can take it (${whyWaiting(room.obstacles(needs))}).`;
    return {
      ...{ kind: 'failed', to: null, reason, terms: [], transaction: failedTransaction(state, now, { entry, reason }) },
      event: { kind: 'vm-failed', critical: true, node: from, vm, text: `${vm} has failed.`, reason },
    };
  }
  const to = placement.node;
  const terms = placement.terms();
  const reason = `${before.reason}. ${whyChosen(placement, needs)}`;
  const restarts = withStartElsewhere(before.restarts, now.wallMs);
  const assigned = assignTransaction(state, now, {
    to,
    takenOver: entry.owner?.value.takenOver === true,
    assignments: [{ entry, reason, terms, restarts }],
    compare: [],
  });
  const freed = memoryFreedAt(state, from, vm);
  const transaction = {
    compare: [...assigned.compare, ...freed.compare],
    write: [...assigned.write, ...freed.write],
  };
  const text = `${vm} is started on ${to} after it failed on ${from}.`;
  return {
    kind: 'assign',
    to,
    reason,
    terms,
    transaction,
    event: { kind: 'vm-moved', critical: true, node: to, vm, text, reason },
  };
}

function failedTransaction(
  state: ClusterState,
  now: Now,
  { entry, reason }: { readonly entry: VmEntry; readonly reason: string },
): Transaction {
  const record = entry.record.value;
  const vm = record.definition.name;
  const node = entry.owner?.value.node ?? '';
  const before = entry.status?.value;
  const freed = memoryFreedAt(state, node, vm);
  const status: VmStatus = {
    ...{ settledRequest: null, ...before, state: 'failed', node, instance: null, reason, error: null },
    since: new Date(now.wallMs).toISOString(),
  };
  return {
    compare: [...comparesOfVm(entry), ...freed.compare],
    write: [
      { put: keys.vmStatus(vm), value: status },
      { put: keys.vmRecord(vm), value: { ...record, desired: 'off' } satisfies VmRecord },
      ...freed.write,
    ],
  };
}

function memoryFreedAt(state: ClusterState, node: NodeName, vm: string): { compare: Compare[]; write: Write[] } {
  const memory = state.memory.get(node);
  if (memory?.value.allocations[vm] === undefined) return { compare: [], write: [] };
  return {
    compare: [{ key: keys.nodeMemory(node), modRevision: memory.modRevision }],
    write: [{ put: keys.nodeMemory(node), value: withoutAllocation(memory.value, vm) }],
  };
}

export type NewOwner =
  /** The compares and writes belong into the transaction that writes the request, beside compares of the VM's record, owner, status and intent. */
  | {
      readonly kind: 'found';
      readonly to: NodeName;
      readonly reason: string;
      readonly compare: readonly Compare[];
      readonly write: readonly Write[];
    }
  /** `mayRun`: a process of it may be left on its owner. */
  | { readonly kind: 'refused'; readonly mayRun: boolean; readonly reasons: readonly string[] };

/**
 * A node on which a VM without a process can be started at once, for `start` when its owner is not there: for an owner that is fenced,
 * or for a VM that is off and so cannot run anywhere before its owner has proven by a write that it still is the owner. Its memory there
 * is taken with the owner.
 */
export function newOwnerForStart(state: ClusterState, now: Now, entry: VmEntry): NewOwner {
  const from = entry.owner?.value.node ?? '';
  const membership = state.nodes.get(from)?.membership ?? null;
  const { definition } = entry.record.value;
  if (mayHaveProcess(entry) && !provenQuiet(membership, isGuarded(entry))) {
    const reasons = [`${definition.name} may still run on ${from}, which cannot be reached.`];
    return { kind: 'refused', mayRun: true, reasons };
  }
  const needs = needsOf(entry, now);
  const nodes = nodesForPlacement(state, now).filter(({ facts }) => facts.name !== from);
  const room = Room.of(nodes);
  // Somebody wants it now: better where it has failed lately than nowhere.
  const placement = room.best(needs) ?? room.best({ ...needs, failedOn: [] });
  if (placement === null) {
    return {
      ...{ kind: 'refused', mayRun: false },
      reasons: judgeNodes(nodes, needs).flatMap(({ reasons }) => reasons.map(({ text }) => text)),
    };
  }
  const { node: to } = placement;
  const vm = definition.name;
  const memory = state.memory.get(to);
  const fenced: Compare[] =
    membership === null ? [] : [{ key: keys.nodeMembership(from), modRevision: membership.modRevision }];
  return {
    ...{ kind: 'found', to, reason: whyChosen(placement, needs) },
    compare: [{ key: keys.nodeMemory(to), modRevision: memory?.modRevision ?? '0' }, ...fenced],
    write: [
      { put: keys.vmOwner(vm), value: { node: to } },
      ...(memory === undefined
        ? []
        : [{ put: keys.nodeMemory(to), value: withAllocation(memory.value, vm, definition.memoryBytes) }]),
    ],
  };
}

/** The transaction that gives a VM that is off another owner; null if no node can ever take it. It takes no memory: it does not run. */
export function moveOffVm(
  state: ClusterState,
  now: Now,
  entry: VmEntry,
): { readonly to: NodeName; readonly reason: string; readonly transaction: Transaction } | null {
  const from = entry.owner?.value.node ?? '';
  const needs = { ...needsOf(entry, now), memory: 'some-day' as const };
  const nodes = nodesForPlacement(state, now).filter(({ facts }) => facts.name !== from);
  const placement = Room.of(nodes).best(needs);
  if (placement === null) return null;
  const vm = needs.definition.name;
  const before = entry.status?.value;
  const freed = memoryFreedAt(state, from, vm);
  const write: Write[] = [{ put: keys.vmOwner(vm), value: { node: placement.node } }, ...freed.write];
  if (before !== undefined) write.push({ put: keys.vmStatus(vm), value: { ...before, node: placement.node } });
  return {
    ...{ to: placement.node, reason: whyChosen(placement, needs) },
    transaction: { compare: [...comparesOfVm(entry), ...freed.compare], write },
  };
}
