// A dependency graph as a nested list. A box that several others lead to is told in full where it comes first.
import type { Box, DependencyGraph, Line } from './dependency-graph.ts';

export interface Branch {
  readonly box: Box;
  /** Of the line that leads here; null for the VM. */
  readonly kind: Line['kind'] | null;
  /** It has been told above: its reasons and what is below it are left out. */
  readonly again: boolean;
  readonly branches: readonly Branch[];
}

export function dependencyTree({ boxes, lines }: DependencyGraph): Branch | null {
  const byId = new Map(boxes.map((box) => [box.id, box]));
  const told = new Set<string>();
  const branch = (id: string, kind: Branch['kind']): Branch[] => {
    const box = byId.get(id);
    if (box === undefined) return [];
    const again = told.has(id);
    told.add(id);
    const below = again ? [] : lines.filter(({ from }) => from === id);
    return [{ box, kind, again, branches: below.flatMap((line) => branch(line.to, line.kind)) }];
  };
  return branch('vm', null)[0] ?? null;
}
