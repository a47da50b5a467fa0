// How long the moves of a drain may take: rough, from what the last migrations of the node's guests have shown.
import type { ClusterState, VmEntry } from '../model/cluster-state.ts';
import type { NodeName } from '../model/names.ts';
import { completedMigrations, sustainedRate } from '../model/past-migration.ts';
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

/** The rate of the newest completed migration from the node, else of any; of those that lasted long enough to tell. */
export function linkOf(state: ClusterState, source: NodeName): LinkFigure {
  const measured = completedMigrations(state.migrations).flatMap((one) => {
    const bytesPerSecond = one.uncompressed ? sustainedRate(one) : null;
    return bytesPerSecond === null || bytesPerSecond === 0 ? [] : [{ ...one, bytesPerSecond }];
  });
  const newest = measured.find((one) => one.source === source) ?? measured[0];
  if (newest === undefined) {
    return { bytesPerSecond: ASSUMED_LINK_BYTES_PER_SECOND, basis: 'a link of 1 Gbit/s is assumed' };
  }
  return { bytesPerSecond: newest.bytesPerSecond, basis: `measured in the migration of ${newest.vm}` };
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
