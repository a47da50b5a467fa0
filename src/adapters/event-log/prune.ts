import type { ClusterEvent } from '../../model/events.ts';
import { EVENTS_PREFIX } from '../../model/keys.ts';
import type { ClusterStore, StoreEntry } from '../../ports/store.ts';

/** How many events the database keeps, and for how long. */
export const EVENTS_MAX = 5000;
export const EVENTS_DAYS_MAX = 30;

const DAY_MS = 86_400_000;
/** etcd refuses transactions of more than 128 operations. */
const BATCH = 100;

/** Deletes what is too old or too much. Several agents may do it at once. Throws STORE_UNAVAILABLE. Returns how many it found to delete. */
export async function pruneEvents(store: ClusterStore, wallMs: number): Promise<number> {
  const outdated = outdatedKeys(await store.list(EVENTS_PREFIX), wallMs);
  for (let start = 0; start < outdated.length; start += BATCH) {
    const write = outdated.slice(start, start + BATCH).map((key) => ({ delete: key }));
    const outcome = await store.transact({ compare: [], write });
    // Whoever prunes next finds what is left.
    if (outcome.kind !== 'applied') break;
  }
  return outdated.length;
}

function outdatedKeys(entries: readonly StoreEntry[], wallMs: number): string[] {
  const since = wallMs - EVENTS_DAYS_MAX * DAY_MS;
  const newestFirst = entries.toSorted((a, b) => (a.key < b.key ? 1 : -1));
  return newestFirst
    .filter(
      ({ value }, index) => index >= EVENTS_MAX || !(Date.parse((value as Partial<ClusterEvent>).at ?? '') >= since),
    )
    .map(({ key }) => key);
}
