// Where the boxes of a dependency graph stand and how the lines run: from the VM at the left to the nodes at the right.
import { Graph, layout } from '@dagrejs/dagre';
import type { Box, DependencyGraph, Line } from './dependency-graph.ts';

export const BOX_WIDTH = 208;
export const BOX_HEIGHT = 60;

const RANK_GAP = 88;

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
  graph.setGraph({ rankdir: 'LR', nodesep: 20, ranksep: RANK_GAP, marginx: 16, marginy: 16 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id } of boxes) graph.setNode(id, { width: BOX_WIDTH, height: BOX_HEIGHT });
  for (const { from, to } of lines) graph.setEdge(from, to);
  layout(graph);
  const label = graph.graph() as { readonly width?: number; readonly height?: number };
  const placed = inOrder(
    boxes.map((box) => {
      const { x, y } = graph.node(box.id) as unknown as Point;
      return { box, x: x - BOX_WIDTH / 2, y: y - BOX_HEIGHT / 2 };
    }),
  );
  const byId = new Map(placed.map((one) => [one.box.id, one]));
  return {
    boxes: placed,
    lines: lines.flatMap((line) => {
      const [from, to] = [byId.get(line.from), byId.get(line.to)];
      if (from === undefined || to === undefined) return [];
      const { points } = graph.edge(line.from, line.to) as unknown as { readonly points: readonly Point[] };
      return [placedLine(line, { from, to }, points)];
    }),
    width: label.width ?? 0,
    height: label.height ?? 0,
  };
}

/** Nodes stand in the order of their names: all lines lead to all of them, so that no order has fewer crossings. */
function inOrder(placed: readonly PlacedBox[]): readonly PlacedBox[] {
  const isHost = ({ box }: PlacedBox) => box.kind === 'node' || box.kind === 'nodes';
  const hosts = placed.filter(isHost);
  const places = hosts.map(({ x, y }) => ({ x, y })).sort((left, right) => left.y - right.y);
  const sorted = [...hosts]
    .sort((left, right) => left.box.name.localeCompare(right.box.name, undefined, { numeric: true }))
    .map((one, index) => ({ ...one, ...places[index] }));
  return [...placed.filter((one) => !isHost(one)), ...sorted];
}

/** From the right side of a box to the left side of another one; a long line passes the boxes between where the layout left room. */
function placedLine(
  line: Line,
  { from, to }: { readonly from: PlacedBox; readonly to: PlacedBox },
  points: readonly Point[],
): PlacedLine {
  const start = { x: from.x + BOX_WIDTH, y: from.y + BOX_HEIGHT / 2 };
  const end = { x: to.x, y: to.y + BOX_HEIGHT / 2 };
  const between = end.x - start.x > RANK_GAP * 1.5 ? points.slice(1, -1) : [];
  const stops = [start, ...between.filter(({ x }) => x > start.x + 1 && x < end.x - 1), end];
  const middle = stops.length > 2 ? stops[Math.floor(stops.length / 2)] : undefined;
  return {
    line,
    path: curve(stops),
    middle: middle ?? { x: (start.x + end.x) / 2, y: (start.y + end.y) / 2 },
  };
}

/** Level at every stop, so that lines leave and reach boxes straight. */
function curve(stops: readonly Point[]): string {
  const [first, ...rest] = stops;
  if (first === undefined) return '';
  let before = first;
  const parts = rest.map((stop) => {
    const half = (stop.x - before.x) / 2;
    const part = `C ${at({ x: before.x + half, y: before.y })} ${at({ x: stop.x - half, y: stop.y })} ${at(stop)}`;
    before = stop;
    return part;
  });
  return `M ${at(first)} ${parts.join(' ')}`;
}

function at({ x, y }: Point): string {
  return `${x.toFixed(1)} ${y.toFixed(1)}`;
}
