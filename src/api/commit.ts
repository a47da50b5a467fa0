import type { ClusterReader } from '../model/cluster-state.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import type { Revision } from '../model/names.ts';
import type { StoreEntry, Transaction } from '../ports/store.ts';
import type { ApiContext } from './context.ts';

/** A change somebody asked for, decided on what was read just before. */
export interface Change<T> {
  readonly transaction: Transaction;
  /** A key and the value it has if and only if this change was applied; `undefined`: the key is gone. */
  readonly proof: { readonly key: string; readonly value: unknown };
  readonly result: T;
}

/** Everything is as asked already, since somebody else has asked for the same. */
export interface AsAsked<T> {
  readonly asAsked: T;
  /** At which it became so. */
  readonly revision: Revision;
}

const ATTEMPTS = 5;
const VIEW_WAIT_MS = 1000;

/**
 * Decides and writes. When somebody else was faster, `decide` looks again and decides anew (it throws
 * if the change is no longer allowed). When the store's answer is lost, finds out what became of the change.
 */
export async function commitChange<T>(context: ApiContext, decide: () => Promise<Change<T> | AsAsked<T>>): Promise<T> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const change = await decide();
    if ('asAsked' in change) {
      await reachRevision(context, change.revision);
      return change.asAsked;
    }
    const revision = await write(context, change);
    if (revision === null) continue;
    await reachRevision(context, revision);
    return change.result;
  }
  throw new GodwitError({
    code: 'CONCURRENT_CHANGE',
    message: `Somebody else changed the same thing ${ATTEMPTS} times while this request was decided.`,
    state: NOTHING_CHANGED,
    nextStep: 'Look at the current state and try again.',
  });
}

/** The revision of the change, or null if a compare did not hold and nothing was written. */
async function write<T>(context: ApiContext, change: Change<T>): Promise<Revision | null> {
  const first = await context.store.transact(change.transaction);
  if (first.kind === 'applied') return first.revision;
  if (first.kind === 'compare-failed') return null;
  // The same compares again: if the lost one was applied they fail now, so it cannot be applied twice.
  const second = await context.store.transact(change.transaction);
  if (second.kind === 'applied') return second.revision;
  const found = await appliedRevision(context, change);
  if (found !== null) return found;
  throw new GodwitError({
    code: 'STORE_OUTCOME_UNKNOWN',
    message: `The cluster database did not say whether it took the change (${first.reason}).`,
    state: 'The change may or may not have been applied.',
    nextStep:
      'Wait until `godwit cluster status` shows quorum, look at the state, and repeat the request if it is not as asked.',
  });
}

/** A revision at which the change is known to be applied; null if it cannot be said. */
async function appliedRevision<T>(context: ApiContext, change: Change<T>): Promise<Revision | null> {
  const { key, value } = change.proof;
  let entry: StoreEntry | undefined;
  try {
    entry = await context.store.get(key);
  } catch {
    return null;
  }
  if (value === undefined) return entry === undefined ? context.reader.current().revision : null;
  return entry !== undefined && JSON.stringify(entry.value) === JSON.stringify(value) ? entry.modRevision : null;
}

/** Waits until this node's view has the change, so that whoever asks next sees it. Goes on without it after a second. */
async function reachRevision(context: Pick<ApiContext, 'reader' | 'clock'>, revision: Revision): Promise<void> {
  const { reader, clock } = context;
  if (hasReached(reader, revision)) return;
  await new Promise<void>((resolve) => {
    const finish = () => {
      unsubscribe();
      cancelTimer();
      resolve();
    };
    const unsubscribe = reader.subscribe(() => {
      if (hasReached(reader, revision)) finish();
    });
    const cancelTimer = clock.after(VIEW_WAIT_MS, finish);
  });
}

function hasReached(reader: ClusterReader, revision: Revision): boolean {
  return BigInt(reader.current().revision) >= BigInt(revision);
}
