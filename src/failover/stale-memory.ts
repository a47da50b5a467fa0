import { type ClusterState, type VmEntry, vmState } from '../model/cluster-state.ts';
import { keys } from '../model/keys.ts';
import type { NodeName } from '../model/names.ts';
import type { Transaction } from '../model/transaction.ts';
import { vmsOwnedBy } from '../placement/occupancy.ts';

/**
 * Frees what a node still holds for VMs that are neither there nor on their way there: left by a failover, which does not touch the
 * memory of the node it takes from. Null if there is nothing to free. For any node at any time; a node does it for itself when it
 * becomes a member again. One compare is enough: whoever takes memory there writes the same key.
 */
export function releaseStaleMemory(state: ClusterState, node: NodeName): Transaction | null {
  const memory = state.memory.get(node);
  if (memory === undefined) return null;
  const all = Object.entries(memory.value.allocations);
  const needed = all.filter(([vm]) => isNeeded(state.vms.get(vm), node));
  if (needed.length === all.length) return null;
  return {
    compare: [{ key: keys.nodeMemory(node), modRevision: memory.modRevision }],
    write: [{ put: keys.nodeMemory(node), value: { ...memory.value, allocations: Object.fromEntries(needed) } }],
  };
}

/**
 * What an agent has to free: on its own node, and on nodes that are fenced and own no VM any more. Those may never come back to do it
 * themselves, and a node that holds memory cannot be removed from the cluster.
 */
export function staleMemory(state: ClusterState, own: NodeName): { node: NodeName; transaction: Transaction }[] {
  const left = [...state.nodes].flatMap(([name, { membership }]) =>
    membership?.value.state === 'fenced' && vmsOwnedBy(state, name).length === 0 ? [name] : [],
  );
  return [...new Set([own, ...left])].flatMap((node) => {
    const transaction = releaseStaleMemory(state, node);
    return transaction === null ? [] : [{ node, transaction }];
  });
}

function isNeeded(entry: VmEntry | undefined, node: NodeName): boolean {
  if (entry?.record == null) return false;
  if (entry.intent != null) return entry.intent.value.source === node || entry.intent.value.destination === node;
  if (entry.owner?.value.node !== node) return false;
  const state = vmState(entry);
  return entry.record.value.desired === 'running' || (state !== 'off' && state !== 'failed' && state !== 'saved');
}
