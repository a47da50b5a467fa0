import type { ClusterPlan } from './cluster-plan.ts';
import type { Command } from './commands.ts';
import type { SeededRandom } from './random.ts';

export function rollingRestarts(random: SeededRandom, { nodes }: ClusterPlan): Command[] {
  let at = 30_000;
  const agents = nodes.flatMap((node): Command[] => {
    at += random.between(15_000, 30_000);
    return [{ at, do: 'crash-agent', node, backAfter: random.between(200, 1500) }];
  });
  // As many as are through in time.
  const some = nodes.filter(() => random.chance(0.7)).slice(0, 3);
  const upgrade: Command = { at: random.between(20_000, 60_000), do: 'upgrade-nodes', nodes: some };
  return some.length === 0 ? agents : [...agents, upgrade];
}

/** Nodes come and go: one dies and is replaced, one is replaced in good health, one more joins, one leaves. */
export function nodeChanges(random: SeededRandom, { nodes, spares = [] }: ClusterPlan): Command[] {
  const found: Command[] = [];
  const [first, second] = spares;
  const node = random.pick(nodes);
  const at = random.between(30_000, 150_000);
  if (first !== undefined && random.chance(0.5)) {
    found.push({ at, do: 'power-loss', node, backAfter: null });
    found.push({ at: at + random.between(1000, 40_000), do: 'replace-node', node, by: first });
  } else if (first !== undefined) found.push({ at, do: 'replace-node', node, by: first });
  if (second === undefined) return found;
  const later = random.between(30_000, 240_000);
  found.push({ at: later, do: 'join-node', node: second });
  if (random.chance(0.3)) {
    const gone = later + random.between(30_000, 90_000);
    found.push({ at: gone, do: 'power-loss', node: second, backAfter: null });
    found.push({ at: gone + 1000, do: 'evict-node', node: second });
    // The same machine comes back as a new one.
    if (random.chance(0.5)) found.push({ at: gone + 60_000, do: 'join-node', node: second });
  }
  return found;
}

export function seatChanges(random: SeededRandom, { nodes }: ClusterPlan): Command[] {
  if (nodes.length < 4) return [];
  const node = random.pick(nodes.slice(0, 3));
  const other = nodes[nodes.length - 1] ?? node;
  const at = random.between(60_000, 120_000);
  return [
    { at, do: 'unseat', node },
    { at: at + random.between(2000, 20_000), do: 'seat', node: other },
  ];
}
