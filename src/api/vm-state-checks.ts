import { type ClusterState, nodeState, type Now, type VmEntry, vmState } from '../model/cluster-state.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import type { NodeName } from '../model/names.ts';
import type { NodeState } from '../model/node.ts';
import type { VmRequest, VmState } from '../model/vm.ts';

/** Throws VM_MIGRATING while a migration of the VM is open. */
export function requireNotMigrating(entry: VmEntry): void {
  if (entry.intent === null) return;
  const { vm, source, destination, migrationId } = entry.intent.value;
  throw new GodwitError({
    code: 'VM_MIGRATING',
    message: `${vm} is being migrated from ${source} to ${destination}.`,
    state: NOTHING_CHANGED,
    nextStep: `Wait until the migration has ended, or cancel it with \`godwit vm cancel ${vm}\`.`,
    details: { migrationId },
  });
}

/** Throws VM_STATE_UNSUITABLE unless the VM is in one of these states. */
export function requireState(entry: VmEntry, allowed: readonly VmState[], what: string): void {
  const state = vmState(entry);
  if (allowed.includes(state)) return;
  throw unsuitable(
    entry,
    `${nameOf(entry)} is ${state} and cannot be ${what}; it can when it is ${allowed.join(' or ')}.`,
  );
}

export function unsuitable(entry: VmEntry, message: string): GodwitError {
  return new GodwitError({
    code: 'VM_STATE_UNSUITABLE',
    message,
    state: NOTHING_CHANGED,
    nextStep: `Look at its state with \`godwit vm show ${nameOf(entry)}\`.`,
    details: { vmState: vmState(entry) },
  });
}

/** The node that may run the VM. Throws VM_STATE_UNSUITABLE if it has none. */
export function requireOwner(entry: VmEntry): NodeName {
  if (entry.owner !== null) return entry.owner.value.node;
  throw unsuitable(entry, `${nameOf(entry)} has no owner.`);
}

/** Whether the node's agent is there and acts on requests, as far as is known. */
export function isServing(state: NodeState | null): boolean {
  return state === 'up' || state === 'paused' || state === 'draining' || state === 'quarantined';
}

/** Why the owner's agent can do nothing about the VM now, one sentence; null: it can. */
export function whyOwnerAbsent(state: ClusterState, entry: VmEntry, now: Now): string | null {
  const owner = entry.owner?.value.node ?? 'nobody';
  const node = state.nodes.get(owner);
  const shown = node === undefined ? null : nodeState(node, now);
  if (isServing(shown)) return null;
  return `${owner}, the owner of ${nameOf(entry)}, is ${ABSENCES[shown ?? ''] ?? 'no member of the cluster'}.`;
}

/** The owner, whose agent must be there: only it can do something about the VM. Throws NODE_UNREACHABLE. */
export function requireOwnerServing(state: ClusterState, entry: VmEntry, now: Now): NodeName {
  const owner = requireOwner(entry);
  const absent = whyOwnerAbsent(state, entry, now);
  if (absent === null) return owner;
  throw new GodwitError({
    code: 'NODE_UNREACHABLE',
    message: absent,
    state: NOTHING_CHANGED,
    nextStep: `Bring ${owner} back, then try again; \`godwit vm show ${nameOf(entry)}\` says what happens with the VM meanwhile.`,
  });
}

const ABSENCES: Readonly<Record<string, string>> = {
  down: 'down: its heartbeat is silent',
  isolated: 'cut off from the database',
  fenced: 'fenced: its VMs are being brought back elsewhere',
};

/** The newest request, if its owner has not settled it yet. */
export function pendingRequest(entry: VmEntry): VmRequest | null {
  const { request } = entry.record.value;
  return request === null || entry.status?.value.settledRequest === request.id ? null : request;
}

export function nameOf(entry: VmEntry): string {
  return entry.record.value.definition.name;
}
