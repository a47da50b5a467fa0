// Who acts first. Every transaction of the failover is safe whoever writes it and however often; the order only saves work.
import type { ClusterState, Now } from '../model/cluster-state.ts';
import type { NodeName } from '../model/names.ts';

/** A node whose heartbeat was seen within this time takes part. */
const HEARD_MS = 2000;
/** How long each rank leaves a thing to those before it. */
const RANK_DELAY_MS = 2000;

/** Position by name among the nodes heard within the last 2 s, from 0. A node always hears itself. */
export function rankOf(state: ClusterState, own: NodeName, now: Now): number {
  let rank = 0;
  for (const [name, { heartbeatSeenAtMs, membership }] of state.nodes) {
    if (name >= own || heartbeatSeenAtMs === null || membership?.value.state === 'fenced') continue;
    if (now.monotonicMs - heartbeatSeenAtMs <= HEARD_MS) rank += 1;
  }
  return rank;
}

/** Whether the agent with this rank acts on something that has been due for so long, in milliseconds. */
export function actsNow(rank: number, dueForMs: number): boolean {
  return dueForMs >= rank * RANK_DELAY_MS;
}

/** Since when each thing has been due, by its key, on one agent's monotonic clock: what is due no longer is forgotten. */
export function dueSince(
  before: ReadonlyMap<string, number>,
  due: Iterable<string>,
  nowMs: number,
): ReadonlyMap<string, number> {
  const after = new Map<string, number>();
  for (const key of due) after.set(key, before.get(key) ?? nowMs);
  return after;
}
