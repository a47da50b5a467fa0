import { LARGE_CLUSTER_NODES } from '../src/model/authority.ts';
import type { VmPlan } from './cluster-plan.ts';

/** With leading zeros: ranks go by name. */
export function nodeNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `node${String(index + 1).padStart(3, '0')}`);
}

/** Spread evenly, 1 GiB each. */
export function vmsOn(nodes: readonly string[], count: number): VmPlan[] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ name: `vm${index + 1}`, node: nodes[index % nodes.length] ?? '', memoryMiB: 1024, highlyAvailable: true },
    ...{ priority: (['high', 'medium', 'low'] as const)[index % 3] ?? 'medium', antiAffinity: [], possibleOwners: [] },
  }));
}

export function heartbeatsPerSecond(nodes: number): number {
  return nodes > LARGE_CLUSTER_NODES ? nodes : 2 * nodes;
}

export function lossName(lost: number): string {
  return lost === 1 ? 'one node' : `one rack (${lost} nodes)`;
}
