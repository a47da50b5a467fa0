import type { NodeHeartbeat, TakeoverTerms } from '../model/authority.ts';
import type { NodeName, Revision } from '../model/names.ts';
import type { AuthorityConfig } from './authority-types.ts';

/** What the reducer of authority.ts remembers. Plain data; never changed, only replaced. */
export interface AuthorityState {
  readonly config: AuthorityConfig;
  readonly token: Revision | null;
  /** The newest token under which this node was fenced: it may still be told by a watch that lags behind. */
  readonly endedToken: Revision | null;
  readonly wanted: {
    readonly terms: TakeoverTerms;
    readonly more: Pick<NodeHeartbeat, 'guard' | 'promises'>;
  } | null;
  /** `none`: this agent has not proved anything yet; null: authority has no end. */
  readonly untilMs: number | null | 'none';
  /** Whether a heartbeat of this agent was committed under the present token. */
  readonly proved: boolean;
  /** Heartbeats whose outcome is not known and whose answer could still give authority, oldest first. */
  readonly sent: readonly SentHeartbeat[];
  readonly doubt: Doubt;
  readonly notes: TermsNotes;
  readonly guard: GuardBound;
  readonly nextSequence: number;
  readonly lastSentMs: number | null;
  /** When the next heartbeat is due. */
  readonly dueMs: number;
  /** When the last acknowledgement came; the start, before the first. */
  readonly heardMs: number;
  readonly rounds: readonly PromiseRound[];
  readonly lastRound: number;
  readonly askedMs: number | null;
  /** Since when a renewed token is awaited; null: it is not. */
  readonly renewalAskedMs: number | null;
  readonly wakeAtMs: number;
}

export interface SentHeartbeat {
  readonly sequence: number;
  readonly sentMs: number;
  readonly terms: TakeoverTerms;
  readonly token: Revision;
  /** Its attempt has ended without an answer: it no longer counts as in flight. */
  readonly failed: boolean;
}

/** Which terms the newest committed heartbeat of this node may have. */
export interface Doubt {
  /** Committed ones, each until one that was sent after its acknowledgement is acknowledged. */
  readonly committed: readonly { readonly terms: TakeoverTerms; readonly sinceSequence: number }[];
  /** Some that may still be committed at any time, as long as the fencing token stays. Null: that of the first membership. */
  readonly abandoned: readonly { readonly terms: TakeoverTerms; readonly token: Revision | null }[];
  /** What earlier agents have sent is not known; cured by a heartbeat under another token than this one. */
  readonly unknown: { readonly token: Revision | null } | null;
}

/** What is on disk for the next agent: every term that is in doubt. */
export interface TermsNotes {
  readonly noted: readonly TakeoverTerms[];
  readonly writing: { readonly noteId: number; readonly terms: readonly TakeoverTerms[] } | null;
  readonly lastNoteId: number;
}

/** Whether the guard is known to have an end time. */
export type GuardBound =
  | { readonly kind: 'bounded' }
  /** What it was told by an earlier agent is not known. */
  | { readonly kind: 'unknown' }
  /** It was told "no end"; it has an end time as soon as it says one that is not before `atMs`. */
  | { readonly kind: 'unbounded'; readonly atMs: number | null };

export interface PromiseRound {
  readonly round: number;
  readonly sentMs: number;
  readonly granted: readonly NodeName[];
}
