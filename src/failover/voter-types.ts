/** What goes into and comes out of the reducer of a voter (voter.ts): one reducer for all nodes it votes about. */
import type { NodeHeartbeat } from '../model/authority.ts';
import type { NodeName, Revision } from '../model/names.ts';

export interface VoterConfig {
  readonly node: NodeName;
  readonly bootId: string;
  /** Votes an earlier agent of this node had meant to cast, as noted on disk; by subject. Those subjects get no promise until they are heard. */
  readonly notedVotes: Readonly<Record<NodeName, Revision>>;
  /** See VOTER_STEADY_MS. */
  readonly steadyMs: number;
}

export type VoterEvent =
  | { readonly kind: 'tick' }
  /** From the watch: a heartbeat that this process has not seen before. */
  | {
      readonly kind: 'heartbeat-seen';
      readonly subject: NodeName;
      readonly revision: Revision;
      readonly heartbeat: NodeHeartbeat;
    }
  /** From the watch. A node that is fenced or gone needs no vote. */
  | { readonly kind: 'membership-seen'; readonly subject: NodeName; readonly state: 'member' | 'fenced' | 'gone' }
  | { readonly kind: 'promise-asked'; readonly subject: NodeName; readonly requestId: number }
  /** One of this node's own heartbeats was answered. */
  | { readonly kind: 'own-heartbeat'; readonly applied: boolean }
  | { readonly kind: 'vote-noted'; readonly subject: NodeName; readonly revision: Revision }
  | {
      readonly kind: 'vote-answer';
      readonly subject: NodeName;
      readonly revision: Revision;
      readonly outcome: 'applied' | 'compare-failed' | 'unknown';
    };

export type VoterEffect =
  | {
      readonly kind: 'answer-promise';
      readonly requestId: number;
      readonly subject: NodeName;
      readonly granted: boolean;
      readonly reason: string;
    }
  /** Note on disk that a vote may be out (null: it is withdrawn), then send `vote-noted`. */
  | { readonly kind: 'note-vote'; readonly subject: NodeName; readonly revision: Revision | null }
  /** If the subject's heartbeat still has this revision, put the vote. */
  | { readonly kind: 'write-vote'; readonly subject: NodeName; readonly revision: Revision }
  /** Only tidiness: a vote for an older heartbeat counts for nothing. In order with `write-vote` of the same subject. */
  | { readonly kind: 'delete-vote'; readonly subject: NodeName };
