import type { NodeDrain } from '../model/authority.ts';
import type { ClusterState } from '../model/cluster-state.ts';
import type { NodeName, VmName } from '../model/names.ts';

/** Clocks of nodes differ a little: a migration may seem to be older than the drain that asked for it. */
export const CLOCKS_DIFFER_MS = 10_000;

/** By VM: how its newest migration away from the node has failed since the drain began; nothing for those whose newest one has not. */
export function newestFailures(
  state: ClusterState,
  node: NodeName,
  drain: NodeDrain,
): ReadonlyMap<VmName, { readonly at: string; readonly reason: string }> {
  const since = new Date(Date.parse(drain.requestedAt) - CLOCKS_DIFFER_MS).toISOString();
  const newest = new Map<VmName, Ended>();
  for (const [id, receipt] of state.migrations) {
    const ended = endedMigration(id, receipt);
    if (ended === null || ended.source !== node || ended.startedAt < since) continue;
    const known = newest.get(ended.vm);
    if (known === undefined || ended.id > known.id) newest.set(ended.vm, ended);
  }
  return new Map(
    [...newest.values()]
      .filter(({ outcome }) => outcome !== 'completed')
      .map(({ vm, endedAt, reason }) => [vm, { at: endedAt, reason }]),
  );
}

interface Ended {
  readonly id: string;
  readonly vm: VmName;
  readonly source: NodeName;
  readonly outcome: string;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly reason: string;
}

/** Stored receipts may be older than today's shape, so nothing of it is taken for granted. */
function endedMigration(id: string, receipt: unknown): Ended | null {
  const { vm, source, outcome, startedAt, endedAt, reason } = (receipt ?? {}) as {
    readonly [key in keyof Ended]?: unknown;
  };
  if (typeof vm !== 'string' || typeof source !== 'string' || typeof outcome !== 'string') return null;
  if (typeof startedAt !== 'string' || typeof endedAt !== 'string') return null;
  return { id, vm, source, outcome, startedAt, endedAt, reason: typeof reason === 'string' ? reason : 'unknown' };
}
