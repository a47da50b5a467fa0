// Where the boxes of a dependency graph stand and how the lines run: from the VM at the left to the nodes at the right.
import { Graph, layout } from '@dagrejs/dagre';
import type { Box, DependencyGraph, Line } from './dependency-graph.ts';

export const BOX_WIDTH = 208;
export const BOX_HEIGHT = 60;

interface Point {
  readonly x: number;
  readonly y: number;
}

export interface PlacedBox {
  readonly box: Box;
  /** Of the upper left corner. */
  readonly x: number;
  readonly y: number;
}

export interface PlacedLine {
  readonly line: Line;
  readonly path: string;
  /** Half-way. */
  readonly middle: Point;
}

export interface Drawing {
  readonly boxes: readonly PlacedBox[];
  readonly lines: readonly PlacedLine[];
  readonly width: number;
  readonly height: number;
}

export function layoutGraph({ boxes, lines }: DependencyGraph): Drawing {
  const graph = new Graph();
  graph.setGraph({ rankdir: 'LR', nodesep: 20, ranksep: 88, marginx: 16, marginy: 16 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id } of boxes) graph.setNode(id, { width: BOX_WIDTH, height: BOX_HEIGHT });
  for (const { from, to } of lines) graph.setEdge(from, to);
  layout(graph);
  const label = graph.graph() as { readonly width?: number; readonly height?: number };
  return {
    boxes: boxes.map((box) => {
      const { x, y } = graph.node(box.id) as unknown as Point;
      return { box, x: x - BOX_WIDTH / 2, y: y - BOX_HEIGHT / 2 };
    }),
    lines: lines.map((line) => {
      const { points } = graph.edge(line.from, line.to) as unknown as { readonly points: readonly Point[] };
      return { line, path: curve(points), middle: points[Math.floor(points.length / 2)] ?? { x: 0, y: 0 } };
    }),
    width: label.width ?? 0,
    height: label.height ?? 0,
  };
}

/** Through the ends, rounded towards the points between. */
function curve(points: readonly Point[]): string {
  const [first, ...rest] = points;
  const last = rest.at(-1);
  if (first === undefined || last === undefined) return '';
  const between = rest.slice(0, -1);
  const parts = between.map((point, index) => {
    const next = between[index + 1] ?? last;
    const end = index === between.length - 1 ? last : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return `Q ${at(point)} ${at(end)}`;
  });
  return `M ${at(first)} ${parts.length === 0 ? `L ${at(last)}` : parts.join(' ')}`;
}

function at({ x, y }: Point): string {
  return `${x.toFixed(1)} ${y.toFixed(1)}`;
}
