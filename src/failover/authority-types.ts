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
   * Terms that the newest committed heartbeat of this node may have, as the earlier agent noted them; []: there was no earlier agent.
   * Null: nobody knows, so promises count, and an unending authority begins, only under a renewed fencing token (`renew-token`).
   */
  readonly notedTerms: readonly TakeoverTerms[] | null;
  /**
   * Whether a guard enforces the end of authority. No heartbeat with a takeover time goes out before that guard has said
   * (`guard-deadline`) that it has an end time: otherwise it could go on for ever under an older "no end".
   */
  readonly guarded: boolean;
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
  /** Under which end time the guard lets VMs run, null: none. At each change of what the guard says. */
  | { readonly kind: 'guard-deadline'; readonly untilMs: number | null }
  | { readonly kind: 'terms-noted'; readonly noteId: number }
  | {
      readonly kind: 'heartbeat-answer';
      readonly sequence: number;
      /** `fenced`: the fencing token has moved, which is definite. `applied` after `unknown` counts. */
      readonly outcome: 'applied' | 'fenced' | 'unknown';
    }
  | { readonly kind: 'promise'; readonly round: number; readonly voter: NodeName; readonly granted: boolean };

export type AuthorityEffect =
  /** Note on disk in place of the last note, trying until it is done, then send `terms-noted`; no heartbeat with new terms is sent before, and no other note. */
  | { readonly kind: 'note-terms'; readonly noteId: number; readonly terms: readonly TakeoverTerms[] }
  | {
      readonly kind: 'heartbeat';
      readonly heartbeat: NodeHeartbeat;
      readonly token: Revision;
      readonly deadlineMs: number;
    }
  | { readonly kind: 'ask-promises'; readonly round: number; readonly voters: readonly NodeName[] }
  /** The new end of authority; null: none (see `takeoverMs: null`). Later than before, but that null may become a time: the guard has to take that. */
  | { readonly kind: 'authority'; readonly untilMs: number | null }
  /**
   * If `membership` still has this revision (state `member`, this boot), put it again, and send `membership` with its new revision: from then
   * on no heartbeat whose outcome is unknown can be committed any more. Best effort; asked again while it is needed. If the compare fails:
   * look at the key, and send `membership` as it is.
   */
  | { readonly kind: 'renew-token'; readonly token: Revision }
  /** The node's right has ended for certain. */
  | { readonly kind: 'fenced' };

export interface Step<State, Effect> {
  readonly state: State;
  readonly effects: readonly Effect[];
  /** When `tick` is due at the latest. */
  readonly wakeAtMs: number;
}
