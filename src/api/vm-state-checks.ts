import { type ClusterState, nodeState, type Now, type VmEntry, vmState } from '../model/cluster-state.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import type { NodeName } from '../model/names.ts';
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

/** The owner, which must be up: only it can do something about the VM. Throws NODE_UNREACHABLE. */
export function requireOwnerUp(state: ClusterState, entry: VmEntry, now: Now): NodeName {
  const owner = requireOwner(entry);
  const node = state.nodes.get(owner);
  if (node !== undefined && nodeState(node, now) === 'up') return owner;
  throw new GodwitError({
    code: 'NODE_UNREACHABLE',
    message: `${owner}, the owner of ${nameOf(entry)}, is down: its heartbeat is silent.`,
    state: NOTHING_CHANGED,
    nextStep: `Bring ${owner} back, then try again.`,
  });
}

/** The newest request, if its owner has not settled it yet. */
export function pendingRequest(entry: VmEntry): VmRequest | null {
  const { request } = entry.record.value;
  return request === null || entry.status?.value.settledRequest === request.id ? null : request;
}

export function nameOf(entry: VmEntry): string {
  return entry.record.value.definition.name;
}
