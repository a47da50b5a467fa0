// Which node takes a VM: the one with the most free memory; a tie goes to the first by name, so that the
// same facts always give the same answer.
import type { NodeName } from '../model/names.ts';
import { freeMemoryBytes } from '../model/node.ts';
import { formatBytes } from '../model/units.ts';
import { type NodeForPlacement, type PlacementNeeds, type Reason, whyNotOn } from './why-not-place.ts';

export interface JudgedNode {
  readonly node: NodeName;
  /** Empty: it can take the VM. */
  readonly reasons: readonly Reason[];
  /** null: it has not published its memory. */
  readonly freeBytes: number | null;
}

export type NodeChoice =
  | {
      readonly kind: 'chosen';
      readonly node: NodeName;
      readonly reason: string;
      readonly judged: readonly JudgedNode[];
    }
  | { readonly kind: 'none'; readonly judged: readonly JudgedNode[] };

/** `judged` has every node that could ever take a VM (no witness, not the owner), by name. */
export function chooseNode(nodes: readonly NodeForPlacement[], needs: PlacementNeeds): NodeChoice {
  const judged = nodes
    .filter((node) => node.facts.role === 'node' && node.facts.name !== needs.owner?.name)
    .map((node) => ({
      node: node.facts.name,
      reasons: whyNotOn(node, needs),
      freeBytes: node.memory === null ? null : freeMemoryBytes(node.memory),
    }))
    .sort((a, b) => (a.node < b.node ? -1 : 1));
  let best: JudgedNode | null = null;
  for (const candidate of judged) {
    if (candidate.reasons.length > 0) continue;
    if (best === null || (candidate.freeBytes ?? 0) > (best.freeBytes ?? 0)) best = candidate;
  }
  if (best === null) return { kind: 'none', judged };
  const reason = `${best.node} has the most free memory (${formatBytes(best.freeBytes ?? 0)}) of the nodes that can take it.`;
  return { kind: 'chosen', node: best.node, reason, judged };
}
