/** What goes into and comes out of the reducer of one node's authority (authority.ts). Times: milliseconds on this node's monotonic clock. */
import type { NodeHeartbeat, TakeoverTerms } from '../model/authority.ts';
import type { NodeName, Revision } from '../model/names.ts';

export interface AuthorityConfig {
  readonly node: NodeName;
  readonly bootId: string;
  readonly agentId: string;
  /** Greater than every sequence of earlier agents on this node. */
  readonly firstSequence: number;
  readonly heartbeatMs: number;
  readonly attemptMs: number;
  readonly authorityMs: number;
  readonly askAfterMs: number;
  readonly askEveryMs: number;
  /**
   * Terms that the newest committed heartbeat of this node may have, noted by an earlier agent; null: nobody knows, so promises
   * count only after a heartbeat of this agent was committed.
   */
  readonly notedTerms: readonly TakeoverTerms[] | null;
}

export type AuthorityEvent =
  | { readonly kind: 'tick' }
  /** What the next heartbeat is to say; at the start and at each change. */
  | {
      readonly kind: 'terms';
      readonly terms: TakeoverTerms;
      readonly more: Pick<NodeHeartbeat, 'guard' | 'promises'>;
    }
  /** This node is a member under this fencing token; null: it is not (fenced, or not yet a member). */
  | { readonly kind: 'membership'; readonly token: Revision | null }
  | { readonly kind: 'terms-noted'; readonly noteId: number }
  | {
      readonly kind: 'heartbeat-answer';
      readonly sequence: number;
      /** `fenced`: the fencing token has moved, which is definite. */
      readonly outcome: 'applied' | 'fenced' | 'unknown';
    }
  | { readonly kind: 'promise'; readonly round: number; readonly voter: NodeName; readonly granted: boolean };

export type AuthorityEffect =
  /** Note on disk, then send `terms-noted`; no heartbeat with new terms is sent before. */
  | { readonly kind: 'note-terms'; readonly noteId: number; readonly terms: readonly TakeoverTerms[] }
  | {
      readonly kind: 'heartbeat';
      readonly heartbeat: NodeHeartbeat;
      readonly token: Revision;
      readonly deadlineMs: number;
    }
  | { readonly kind: 'ask-promises'; readonly round: number; readonly voters: readonly NodeName[] }
  /** The new end of authority; null: none (see `takeoverMs: null`). Only ever later than before, or from a time to null. */
  | { readonly kind: 'authority'; readonly untilMs: number | null }
  /** The node's right has ended for certain. */
  | { readonly kind: 'fenced' };

export interface Step<State, Effect> {
  readonly state: State;
  readonly effects: readonly Effect[];
  /** When `tick` is due at the latest. */
  readonly wakeAtMs: number;
}
