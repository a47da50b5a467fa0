// The transaction that gives VMs a new owner, which starts them.
import type { ClusterState, Now, VmEntry } from '../model/cluster-state.ts';
import { keys } from '../model/keys.ts';
import type { NodeName } from '../model/names.ts';
import { type NodeMemory, withAllocation } from '../model/node.ts';
import type { Compare, Transaction, Write } from '../model/transaction.ts';
import type { VmRestarts } from '../model/availability.ts';
import type { VmOwner, VmStatus } from '../model/vm.ts';
import type { ScoreTerm } from '../placement/score.ts';

export interface Assignment {
  readonly entry: VmEntry;
  readonly reason: string;
  readonly terms: readonly ScoreTerm[];
  /** Instead of those in its status. */
  readonly restarts?: VmRestarts;
}

interface AssignInput {
  readonly to: NodeName;
  readonly assignments: readonly Assignment[];
  /** They are taken over from a fenced node. */
  readonly takenOver: boolean;
  /** Besides those of the VMs and of the new owner's memory. */
  readonly compare: readonly Compare[];
}

/**
 * What the former owner holds for them stays: its memory is of no use while it is fenced, and comparing it would make the
 * transactions for all new owners collide. It is freed by releaseStaleMemory.
 */
export function assignTransaction(
  state: ClusterState,
  now: Now,
  { to, assignments, takenOver, compare }: AssignInput,
): Transaction {
  const memory = state.memory.get(to);
  const write: Write[] = [];
  const compares: Compare[] = [...compare, { key: keys.nodeMemory(to), modRevision: memory?.modRevision ?? '0' }];
  let allocated: NodeMemory = memory?.value ?? { capacityBytes: 0, allocations: {} };
  for (const assignment of assignments) {
    const { entry } = assignment;
    const { name, memoryBytes } = entry.record.value.definition;
    compares.push(...comparesOfVm(entry));
    write.push(
      { put: keys.vmOwner(name), value: ownerOf(to, takenOver) },
      { put: keys.vmStatus(name), value: statusOf(state, now, { to, assignment }) },
    );
    allocated = withAllocation(allocated, name, memoryBytes);
  }
  return { compare: compares, write: [...write, { put: keys.nodeMemory(to), value: allocated }] };
}

function statusOf(
  state: ClusterState,
  now: Now,
  { to, assignment }: { to: NodeName; assignment: Assignment },
): VmStatus {
  const before = assignment.entry.status?.value;
  const restarts = assignment.restarts ?? before?.restarts;
  const bootId = state.nodes.get(to)?.facts?.value.bootId;
  return {
    ...{ state: 'starting', node: to, instance: null, since: new Date(now.wallMs).toISOString() },
    ...{ reason: assignment.reason, settledRequest: before?.settledRequest ?? null, error: null },
    ...(bootId !== undefined && { bootId }),
    ...(restarts !== undefined && { restarts }),
  };
}

/** That nothing about the VM has changed, and that no migration of it is open. Four per VM. */
export function comparesOfVm(entry: VmEntry): Compare[] {
  const vm = entry.record.value.definition.name;
  return [
    { key: keys.vmRecord(vm), modRevision: entry.record.modRevision },
    { key: keys.vmOwner(vm), modRevision: entry.owner?.modRevision ?? '0' },
    { key: keys.vmStatus(vm), modRevision: entry.status?.modRevision ?? '0' },
    { key: keys.vmIntent(vm), modRevision: '0' },
  ];
}

function ownerOf(node: NodeName, takenOver: boolean): VmOwner {
  return takenOver ? { node, takenOver } : { node };
}
