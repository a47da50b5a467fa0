/**
 * A transaction whose answer was lost: when it may be sent again, and what may then be said about it.
 *
 * An attempt is *lost* when it may have reached a member and no answer came. It may have been applied, it may
 * never be, and it may be applied at any later moment: a frozen member that wakes up still reads what
 * lies in its socket. A second attempt that answers "compare failed" says little: the first may
 * have been applied and be itself what made the compare fail. So:
 *
 * 1. Sending again. Mod revisions never come back, except "0" for absent. If the transaction writes (or
 *    deletes) a key that it compares with a revision other than "0", then its first application breaks that compare for
 *    ever; of any number of attempts, in any order and however late, at most one is applied. Such a
 *    transaction is repeated until the deadline.
 *    - Without any compare the caller has asked for "the last one wins"; again is as good as late. Repeated.
 *    - With compares, but with none of that kind (typically: create a key if absent), a repeat could do it twice:
 *      the first is applied, somebody deletes the key, the second is applied too, and what was deleted is back. Not
 *      repeated; the keys are only looked at.
 * 2. It was applied, if one of the keys it puts holds *our* value, recognized by a mark that no other transaction
 *    has (see etcd-messages.ts). All its writes happened at that key's mod revision.
 * 3. It was not applied and never will be, if both hold for what was seen at one revision:
 *    - a key that it writes still has the compared revision, other than "0": an application would have changed it;
 *    - another compare is broken for ever: a revision other than "0" was expected and the key has another or is gone.
 *    A compare with "0" that fails can hold again once the key is deleted, so it proves nothing about a late attempt.
 * 4. Everything else is unknown: for example our key was overwritten or deleted in between, with or without our
 *    value having been there.
 */
import type { Revision } from '../../model/names.ts';
import type { Clock } from '../../ports/clock.ts';
import type { StoreEntry, Transaction, TransactionOutcome } from '../../ports/store.ts';
import { type SeenEntry, toStoreEntry } from './etcd-messages.ts';

/** How one attempt with one member ended. */
export type Answer =
  | { readonly kind: 'applied'; readonly revision: Revision }
  | { readonly kind: 'compare-failed'; readonly seen: readonly SeenEntry[] }
  /** Proven not to be applied, now or later; another member may do better. */
  | { readonly kind: 'not-sent'; readonly reason: string }
  | { readonly kind: 'lost'; readonly reason: string }
  /** Proven not to be applied, and no other member would: e.g. the database is full. */
  | { readonly kind: 'refused'; readonly reason: string };

/** Each call goes to the next member in turn. */
export interface TransactionSender {
  write(timeoutMs: number): Promise<Answer>;
  /** Reads the compared and the put keys at one revision; undefined if that failed. */
  look(timeoutMs: number): Promise<readonly SeenEntry[] | undefined>;
}

export interface AttemptOptions {
  readonly transaction: Transaction;
  readonly mark: string;
  readonly sender: TransactionSender;
  readonly clock: Clock;
  readonly deadlineMs: number;
  /** Number of members: after that many attempts that were not sent there is a pause. */
  readonly memberCount: number;
}

const ATTEMPT_MS = 500;
/** An attempt is given up to this long rather than leave a rest too short for another one. */
const LAST_ATTEMPT_MS = 700;
const SHORTEST_ATTEMPT_MS = 20;
const PAUSE_MS = 100;

export function attemptMs(remainingMs: number): number {
  return remainingMs <= LAST_ATTEMPT_MS ? remainingMs : ATTEMPT_MS;
}

/** Sends the transaction, and again where that is safe, until something is known about it or the time is over. */
export async function attemptTransaction(options: AttemptOptions): Promise<TransactionOutcome> {
  const { transaction, mark, sender, clock } = options;
  const giveUpAtMs = clock.monotonicMs() + options.deadlineMs;
  const repeatable = mayRepeat(transaction);
  let lost = false;
  let reason = 'no member of the store could be reached';
  for (let attempt = 1; ; attempt++) {
    const remainingMs = giveUpAtMs - clock.monotonicMs();
    if (remainingMs < SHORTEST_ATTEMPT_MS) return { kind: 'unknown', reason };
    if (lost && !repeatable) {
      const seen = await sender.look(attemptMs(remainingMs));
      const known = seen && judgeLost(transaction, mark, seen);
      if (known) return known;
      await clock.sleep(Math.min(PAUSE_MS, remainingMs));
      continue;
    }
    const answer = await sender.write(attemptMs(remainingMs));
    switch (answer.kind) {
      case 'applied':
        return answer;
      case 'compare-failed':
        if (!lost) return compareFailed(transaction, answer.seen);
        return (
          judgeLost(transaction, mark, answer.seen) ?? {
            kind: 'unknown',
            reason: `an earlier attempt was not answered (${reason}), and what is stored now does not show its fate`,
          }
        );
      case 'refused':
        return { kind: 'unknown', reason: answer.reason };
      case 'lost':
        lost = true;
        reason = answer.reason;
        break;
      case 'not-sent':
        if (!lost) reason = answer.reason;
        if (attempt % options.memberCount === 0) await clock.sleep(Math.min(PAUSE_MS, remainingMs));
    }
  }
}

/** See 1 above. */
export function mayRepeat({ compare, write }: Transaction): boolean {
  if (compare.length === 0 || write.length === 0) return true;
  return selfBreaking({ compare, write }).length > 0;
}

/** See 2 to 4 above; undefined: unknown. */
export function judgeLost(
  transaction: Transaction,
  mark: string,
  seen: readonly SeenEntry[],
): TransactionOutcome | undefined {
  const now = new Map(seen.map((entry) => [entry.key, entry]));
  for (const write of transaction.write) {
    const entry = 'put' in write ? now.get(write.put) : undefined;
    if (entry?.text.endsWith(mark)) return { kind: 'applied', revision: entry.modRevision };
  }
  const untouched = selfBreaking(transaction).some(({ key, modRevision }) => now.get(key)?.modRevision === modRevision);
  const brokenForEver = transaction.compare.some(
    ({ key, modRevision }) => modRevision !== '0' && now.get(key)?.modRevision !== modRevision,
  );
  return untouched && brokenForEver ? compareFailed(transaction, seen) : undefined;
}

/** The compares that the transaction's own application breaks for ever. */
function selfBreaking({ compare, write }: Transaction) {
  const written = new Set(write.map((one) => ('put' in one ? one.put : one.delete)));
  return compare.filter(({ key, modRevision }) => modRevision !== '0' && written.has(key));
}

function compareFailed(transaction: Transaction, seen: readonly SeenEntry[]): TransactionOutcome {
  const compared = new Set(transaction.compare.map(({ key }) => key));
  const current: StoreEntry[] = seen.filter(({ key }) => compared.has(key)).map(toStoreEntry);
  return { kind: 'compare-failed', current };
}
