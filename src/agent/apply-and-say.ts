import type { Transaction } from '../model/transaction.ts';
import type { EventLog, NewEvent } from '../ports/events.ts';
import type { ClusterStore } from '../ports/store.ts';

interface ApplyPorts {
  readonly store: ClusterStore;
  readonly events: EventLog;
}

/**
 * Sends the transaction, and says the events if it was applied. When the answer is lost, which is likely just when a member of the
 * store has died, the store is asked what has become of it. Returns whether it was applied, as far as is known.
 */
export async function applyAndSay(
  { store, events }: ApplyPorts,
  transaction: Transaction,
  toSay: readonly NewEvent[],
): Promise<boolean> {
  const outcome = await store.transact(transaction);
  const applied = outcome.kind === 'applied' || (outcome.kind === 'unknown' && (await isThere(store, transaction)));
  if (applied) for (const event of toSay) events.say(event);
  return applied;
}

/** Whether everything that it puts is in the store: times and names in the values tell them from those of somebody else. */
async function isThere(store: ClusterStore, { write }: Transaction): Promise<boolean> {
  const puts = write.filter((one) => 'put' in one);
  try {
    const found = await Promise.all(puts.map(({ put }) => store.get(put)));
    return puts.length > 0 && puts.every(({ value }, index) => same(found[index]?.value, value));
  } catch {
    return false;
  }
}

function same(found: unknown, put: unknown): boolean {
  return found !== undefined && JSON.stringify(found) === JSON.stringify(put);
}
