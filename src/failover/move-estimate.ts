// How long the moves of a drain may take: rough, from what the last migrations of the node's guests have shown.
import type { ClusterState, VmEntry } from '../model/cluster-state.ts';
import type { NodeName } from '../model/names.ts';
import { ASSUMED_LINK_BYTES_PER_SECOND } from '../model/units.ts';

/** Preparation and the end of a migration. */
const FIXED_MS = 1500;
/** A guest that rewrites its memory about as fast as the link carries it takes at most so many times its memory. */
const FACTOR_MAX = 8;

export interface LinkFigure {
  readonly bytesPerSecond: number;
  /** Where it is from, part of a sentence. */
  readonly basis: string;
}

/** The rate of the newest completed migration from the node, else of any. */
export function linkOf(state: ClusterState, source: NodeName): LinkFigure {
  let own: Measured | null = null;
  let any: Measured | null = null;
  for (const [id, receipt] of state.migrations) {
    const measured = measuredIn(id, receipt);
    if (measured === null) continue;
    if (any === null || measured.id > any.id) any = measured;
    if (measured.source === source && (own === null || measured.id > own.id)) own = measured;
  }
  const newest = own ?? any;
  if (newest === null) return { bytesPerSecond: ASSUMED_LINK_BYTES_PER_SECOND, basis: 'a link of 1 Gbit/s is assumed' };
  return { bytesPerSecond: newest.bytesPerSecond, basis: `measured in the migration of ${newest.vm}` };
}

interface Measured {
  readonly id: string;
  readonly vm: string;
  readonly source: NodeName;
  readonly bytesPerSecond: number;
}

/** Stored receipts may be older than today's shape, so nothing of it is taken for granted. */
function measuredIn(id: string, receipt: unknown): Measured | null {
  const { vm, source, outcome, rounds } = (receipt ?? {}) as {
    readonly [key in 'vm' | 'source' | 'outcome' | 'rounds']?: unknown;
  };
  if (outcome !== 'completed' || !Array.isArray(rounds)) return null;
  const rates = rounds.map((round) => Number((round as { bandwidthBytesPerSecond?: unknown }).bandwidthBytesPerSecond));
  const bytesPerSecond = Math.max(0, ...rates.filter((rate) => Number.isFinite(rate)));
  return bytesPerSecond > 0 ? { id, vm: String(vm), source: String(source), bytesPerSecond } : null;
}

export interface MoveEstimate {
  readonly totalMs: number;
  /** Of it, what occupies the link. */
  readonly transferMs: number;
}

export function estimateMove(entry: VmEntry, { bytesPerSecond }: LinkFigure): MoveEstimate {
  const { memoryBytes } = entry.record.value.definition;
  const bytes = Math.min(memoryBytes, entry.activity?.usedBytes ?? memoryBytes);
  const dirty = entry.activity?.dirtyBytesPerSecond ?? 0;
  const factor = dirty >= bytesPerSecond ? FACTOR_MAX : Math.min(FACTOR_MAX, 1 / (1 - dirty / bytesPerSecond));
  const transferMs = Math.round((bytes * factor * 1000) / bytesPerSecond);
  return { totalMs: transferMs + FIXED_MS, transferMs };
}
