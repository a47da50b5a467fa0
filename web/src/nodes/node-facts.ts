// What the cluster says of a node, taken from where it says it.
import type { ClusterView, NodeView } from '../../../src/contract/cluster.ts';

export type Vote = 'leader' | 'yes' | 'silent' | 'no';

/** Of a node or witness in the cluster's database. */
export function voteOf(cluster: ClusterView | null, node: string): Vote {
  const member = cluster?.quorum.members.find(({ name }) => name === node);
  if (member === undefined) return 'no';
  if (!member.healthy) return 'silent';
  return member.leader ? 'leader' : 'yes';
}

export type NodeFencing = ClusterView['fencing'][number];

/** null: it is a witness, or the cluster has not said anything yet. */
export function fencingOf(cluster: ClusterView | null, node: string): NodeFencing | null {
  return cluster?.fencing.find((one) => one.node === node) ?? null;
}

export type NodeLoss = ClusterView['survival']['nodes'][number];

/** null: it is a witness, or lost already. */
export function lossOf(cluster: ClusterView | null, node: string): NodeLoss | null {
  return cluster?.survival.nodes.find((one) => one.node === node) ?? null;
}

export function usedBytes({ memory }: NodeView): number {
  return Math.max(0, memory.capacityBytes - memory.freeBytes);
}

/** 0 to 1. */
export function usedRatio(node: NodeView): number {
  return node.memory.capacityBytes === 0 ? 0 : Math.min(1, usedBytes(node) / node.memory.capacityBytes);
}
