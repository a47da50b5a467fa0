import { judgeNodes } from '../placement/choose-node.ts';
import type { NodeForPlacement, Obstacle, PlacementNeeds } from '../placement/why-not-place.ts';

const WORDS: Readonly<Record<Obstacle, string>> = {
  role: 'runs no VMs',
  state: 'takes none now',
  owner: 'has it',
  hardware: 'other hardware',
  software: 'other QEMU',
  network: 'lacks its network',
  storage: 'lacks its volume',
  memory: 'not enough memory',
  'possible-owners': 'no possible owner',
  'anti-affinity': 'has a VM that must be apart',
  'failed-there': 'failed there',
};

/**
 * What speaks against each node, in few words and without figures: it is stored and compared, and must not change with every
 * byte of memory. Many nodes are counted instead of named.
 */
export function whyWaiting(nodes: readonly NodeForPlacement[], needs: PlacementNeeds): string {
  const judged = judgeNodes(nodes, needs);
  if (judged.length === 0) return 'there is no other node';
  const wordsOf = (node: NodeForPlacement | undefined, obstacle: Obstacle) =>
    obstacle === 'state' && node !== undefined ? node.state : WORDS[obstacle];
  const all = judged.map(({ node, reasons }) => {
    const place = nodes.find(({ facts }) => facts.name === node);
    const words = [...new Set(reasons.map(({ obstacle }) => wordsOf(place, obstacle)))].join(', ');
    return { node, words: words === '' ? 'room promised to others' : words };
  });
  if (all.length <= 4) return all.map(({ node, words }) => `${node}: ${words}`).join('; ');
  const counts = new Map<string, number>();
  for (const { words } of all) counts.set(words, (counts.get(words) ?? 0) + 1);
  return [...counts].map(([words, count]) => `${count} nodes: ${words}`).join('; ');
}
