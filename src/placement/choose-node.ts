// Which node takes a VM: the one with the best score of those that can; between equals always the same one, so that the same
// facts always give the same answer.
import type { NodeName } from '../model/names.ts';
import { freeMemoryBytes } from '../model/node.ts';
import { formatBytes } from '../model/units.ts';
import { type Placement, Room } from './room.ts';
import type { ScoreTerm } from './score.ts';
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
      /** What the score is made of; lower is better. */
      readonly terms: readonly ScoreTerm[];
      readonly judged: readonly JudgedNode[];
    }
  | { readonly kind: 'none'; readonly judged: readonly JudgedNode[] };

/** `judged` has every node that could ever take a VM (no witness, not the owner), by name. */
export function chooseNode(nodes: readonly NodeForPlacement[], needs: PlacementNeeds): NodeChoice {
  const judged = judgeNodes(nodes, needs);
  const placement = Room.of(nodes).best(needs);
  if (placement === null) return { kind: 'none', judged };
  return {
    kind: 'chosen',
    node: placement.node,
    terms: placement.terms(),
    reason: whyChosen(placement, needs),
    judged,
  };
}

/** Every node but witnesses and the owner, by name, with all that speaks against it. */
export function judgeNodes(nodes: readonly NodeForPlacement[], needs: PlacementNeeds): JudgedNode[] {
  return nodes
    .filter((node) => node.facts.role === 'node' && node.facts.name !== needs.owner?.name)
    .map((node) => ({
      node: node.facts.name,
      reasons: whyNotOn(node, needs),
      freeBytes: node.memory === null ? null : freeMemoryBytes(node.memory),
    }))
    .sort((a, b) => (a.node < b.node ? -1 : 1));
}

/** One sentence. */
export function whyChosen({ node, candidates, freeBytes, mostFree }: Placement, needs: PlacementNeeds): string {
  const free = `${formatBytes(freeBytes)} of memory free`;
  const rank = needs.availability?.preferredOwners.indexOf(node) ?? -1;
  if (rank >= 0) return `${node} is a preferred owner that can take it, with ${free}.`;
  if (mostFree) return `${node} has the most free memory (${formatBytes(freeBytes)}) of the nodes that can take it.`;
  return `${node} has the best score of the ${candidates} nodes that can take it, with ${free}.`;
}
