// What the owner of a VM records: pure, from a decision to a transaction.
import { comparesOfVm } from '../failover/assign.ts';
import type { Versioned, VmEntry } from '../model/cluster-state.ts';
import { keys } from '../model/keys.ts';
import type { InstanceId } from '../model/names.ts';
import { type NodeMemory, withoutAllocation } from '../model/node.ts';
import type { Transaction, Write } from '../model/transaction.ts';
import type { VmRecord, VmStatus } from '../model/vm.ts';
import type { VmDecision } from './decide-vm.ts';

export type RecordDecision = Extract<VmDecision, { action: 'record' }>;

const STARTING: RecordDecision = {
  ...{ action: 'record', state: 'starting', reason: 'QEMU is ready' },
  ...{ settle: false, down: false, error: null },
} as RecordDecision;

/** Its memory is all there is of the guest: a record that says that it starts would end it at the next look. */
const STAYING: RecordDecision = { ...STARTING, state: 'running', reason: 'Its migration is closed, and it stays here' };

const GOING_ON: RecordDecision = { ...STARTING, state: 'paused', reason: 'It is being resumed' };

/** It is not known yet whether it does, nor asked for by that: a shutdown may be what comes next. */
const GOES_ON = 'It goes on';

/** What is written before the guest runs: the right to run is proven by it, and saved memory is used up. */
export function proofOf({ record, status }: VmEntry, action: 'resume' | 'go-on'): RecordDecision {
  // One that was to run is not taken for one that somebody has paused, should it not get to go on.
  if (action === 'go-on' && status?.value.state === 'running')
    return { ...GOING_ON, state: 'running', reason: GOES_ON };
  if (action === 'go-on') return GOING_ON;
  if (status?.value.state === 'running') return STAYING;
  return record.value.saved === undefined ? STARTING : { ...STARTING, saved: null };
}

/** Rather than that QEMU is there, and waits for its guest to be let go. */
export function saysRestarted(decision: RecordDecision): boolean {
  return decision.state === 'starting' && decision.reason !== STARTING.reason;
}

interface Seen {
  readonly node: string;
  readonly bootId: string;
  /** Its QEMU here. */
  readonly instance: InstanceId | null;
  readonly guarded: boolean;
  /** ISO time. */
  readonly since: string;
  /** Of this node. */
  readonly memory: Versioned<NodeMemory> | undefined;
}

interface Recording {
  readonly status: VmStatus;
  /** Null: it stays as it is. */
  readonly record: VmRecord | null;
  readonly transaction: Transaction;
}

/**
 * The answer to the request and the state, in one transaction with the memory that becomes free. It is refused if somebody was faster, or
 * an earlier record has come through late.
 */
export function recordingOf(entry: VmEntry, decision: RecordDecision, seen: Seen): Recording {
  const { memory, node } = seen;
  const vm = entry.record.value.definition.name;
  const status = statusAfter(entry, decision, seen);
  const record = recordAfter(entry.record.value, decision);
  const compare = comparesOfVm(entry);
  const write: Write[] = [{ put: keys.vmStatus(vm), value: status }];
  if (record !== null) write.push({ put: keys.vmRecord(vm), value: record });
  if (decision.down && memory?.value.allocations[vm] !== undefined) {
    compare.push({ key: keys.nodeMemory(node), modRevision: memory.modRevision });
    write.push({ put: keys.nodeMemory(node), value: withoutAllocation(memory.value, vm) });
  }
  return { status, record, transaction: { compare, write } };
}

function statusAfter(entry: VmEntry, decision: RecordDecision, seen: Seen): VmStatus {
  const { bootId, guarded, instance, node, since } = seen;
  const { error, reason, settle, state } = decision;
  const before = entry.status?.value;
  const restarts = decision.restarts ?? before?.restarts;
  return {
    ...{ state, node, since, reason, bootId, guarded, error },
    // What is left of a saved one is ended, and never goes on.
    instance: state === 'saved' ? null : instance,
    ...(restarts !== undefined && { restarts }),
    settledRequest: settle ? (entry.record.value.request?.id ?? null) : (before?.settledRequest ?? null),
  };
}

function recordAfter(record: VmRecord, decision: RecordDecision): VmRecord | null {
  const runs = decision.state === 'running' && decision.reason !== GOES_ON;
  const desired = decision.down ? 'off' : runs ? 'running' : record.desired;
  const { saved: before, ...rest } = record;
  const saved = decision.saved === undefined ? before : (decision.saved ?? undefined);
  if (desired === record.desired && saved === before) return null;
  return { ...rest, desired, ...(saved !== undefined && { saved }) };
}

/** Of several tries to record the same, any may have come through. */
export function isSameStatus(found: VmStatus, written: VmStatus): boolean {
  return JSON.stringify(withoutTime(found)) === JSON.stringify(withoutTime(written));
}

function withoutTime(status: VmStatus): VmStatus {
  return { ...status, since: '' };
}
