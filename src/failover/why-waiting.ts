import type { NodeObstacles } from '../placement/room.ts';
import type { Obstacle } from '../placement/why-not-place.ts';

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
export function whyWaiting(nodes: readonly NodeObstacles[]): string {
  if (nodes.length === 0) return 'there is no other node';
  const all = nodes.map(({ node, state, obstacles }) => {
    const words = obstacles.map((obstacle) => (obstacle === 'state' ? state : WORDS[obstacle]));
    return { node, words: words.length === 0 ? 'it can' : words.join(', ') };
  });
  if (all.length <= 4) return all.map(({ node, words }) => `${node}: ${words}`).join('; ');
  const counts = new Map<string, number>();
  for (const { words } of all) counts.set(words, (counts.get(words) ?? 0) + 1);
  return [...counts].map(([words, count]) => `${count} nodes: ${words}`).join('; ');
}
