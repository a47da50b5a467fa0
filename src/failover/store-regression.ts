/**
 * Whether the store has gone back in time: it was set back to an old copy, or has lost what it had acknowledged. Pure.
 *
 * Every write gives the store a new, higher revision, and every answer carries the revision of the moment in which it was made. Answers
 * overtake each other. Therefore an answer is compared with what was known when its request was *sent*: the store had reached that revision
 * before it saw the request.
 */
import type { Revision } from '../model/names.ts';
import { isNewer } from './revision.ts';

export interface StoreAnswer {
  /** The newest revision that was known when the request was sent. */
  readonly known: Revision;
  /** The store's, in the answer. */
  readonly revision: Revision;
  /**
   * `log`: a transaction that may write. Its answer is made when the member comes to it in the log, behind everything that was
   * acknowledged before it was sent. `read`: a linearizable read. Those of etcd may be stale after a member has stood still (etcd#20418).
   */
  readonly through: 'log' | 'read';
}

export type StoreCourse =
  | { readonly kind: 'forward' }
  /** Not to be believed. To be asked again through the log: this member may only be behind the others. */
  | { readonly kind: 'doubtful'; readonly reason: string }
  /** Proven. */
  | { readonly kind: 'gone-back'; readonly reason: string };

export function judgeStoreAnswer({ known, revision, through }: StoreAnswer): StoreCourse {
  if (!isNewer(known, revision)) return { kind: 'forward' };
  const reason = `it answers with revision ${revision}, and revision ${known} was seen before it was asked`;
  return { kind: through === 'log' ? 'gone-back' : 'doubtful', reason };
}
