import type { Versioned, VmEntry } from '../model/cluster-state.ts';
import type { NodeMembership } from '../model/authority.ts';

/**
 * Whether none of the node's copies of the VM executes any more, now that the node is fenced. The guard stops highly available
 * VMs only, so for others silence proves nothing: they may go on, on a node that is merely cut off.
 */
export function provenQuiet(membership: Versioned<NodeMembership> | null, highlyAvailable: boolean): boolean {
  if (membership?.value.state !== 'fenced') return false;
  switch (membership.value.evidence.kind) {
    case 'votes':
      return highlyAvailable;
    case 'power-off':
    case 'confirmed':
    case 'goodbye':
      return true;
  }
}

/** Whether the VM has a process somewhere, as far as its status says. */
export function mayHaveProcess({ status }: VmEntry): boolean {
  if (status === null) return false;
  const { state, instance } = status.value;
  return instance !== null || state === 'running' || state === 'paused';
}

/** Whether the guard of its node stops the VM, as far as its owner has said. */
export function isGuarded({ record, status }: VmEntry): boolean {
  return record.value.highlyAvailable && status?.value.guarded !== false;
}
