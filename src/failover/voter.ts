/**
 * What this node, as a voter, says about others: a promise not to vote against one for its takeover time, or a vote that it is
 * gone. Never both at once. Pure; see docs/failover.md.
 */
import type { TakeoverTerms } from '../model/authority.ts';
import type { NodeName, Revision } from '../model/names.ts';
import type { Step } from './authority-types.ts';
import { isNewer } from './revision.ts';
import type { VoterConfig, VoterEffect, VoterEvent } from './voter-types.ts';

/** Plain data; never changed, only replaced. */
export interface VoterState {
  readonly config: VoterConfig;
  readonly subjects: Readonly<Record<NodeName, SubjectState>>;
  /** Since when this node's own heartbeats have been committed without a gap; null: the last one was not. */
  readonly steadySinceMs: number | null;
  readonly ownAppliedMs: number | null;
  /** Nothing is due before; may be too early, never too late. */
  readonly wakeAtMs: number;
}

/** What is known of one node that is voted about. */
export interface SubjectState {
  /** The newest heartbeat seen; null: none yet. */
  readonly heartbeat: { readonly revision: Revision; readonly terms: TakeoverTerms } | null;
  /** From the first sight of that heartbeat or from the last promise, whichever was later. */
  readonly quietSinceMs: number;
  readonly membership: 'member' | 'fenced' | 'gone';
  readonly vote: VoteState;
}

/** The way of a vote. From `noting` on there is no promise: an agent that starts anew could not know that it has given one. */
export type VoteState =
  | { readonly kind: 'none' }
  | { readonly kind: 'noting'; readonly revision: Revision; readonly askedMs: number }
  /** It may be in the store or on its way. */
  | { readonly kind: 'writing'; readonly revision: Revision; readonly askedMs: number }
  | { readonly kind: 'written'; readonly revision: Revision; readonly askedMs: number }
  /** An earlier agent of this node may have voted; it counts until a newer heartbeat than this is seen. */
  | { readonly kind: 'earlier'; readonly revision: Revision };

type Writable<T> = { -readonly [K in keyof T]: T[K] };

interface Work {
  readonly s: Writable<VoterState>;
  readonly effects: VoterEffect[];
  readonly nowMs: number;
}

const AGAIN_MS = 500;
/** A vote in the store that leads to nothing is written anew, should it have been deleted by a late tidying. */
const REWRITE_MS = 5000;
const NOTHING_DUE_MS = 60_000;

const NO_VOTE: VoteState = { kind: 'none' };

/** `nowMs` here and below: this node's monotonic clock. */
export function startVoter(config: VoterConfig, nowMs: number): Step<VoterState, VoterEffect> {
  const subjects: Record<NodeName, SubjectState> = {};
  for (const [subject, revision] of Object.entries(config.notedVotes)) {
    subjects[subject] = { ...unheard(nowMs), vote: { kind: 'earlier', revision } };
  }
  const wakeAtMs = nowMs + NOTHING_DUE_MS;
  const state = { config, subjects, steadySinceMs: null, ownAppliedMs: null, wakeAtMs };
  return { state, effects: [], wakeAtMs };
}

export function stepVoter(state: VoterState, event: VoterEvent, nowMs: number): Step<VoterState, VoterEffect> {
  const work: Work = { s: { ...state }, effects: [], nowMs };
  apply(work, event);
  if (nowMs >= work.s.wakeAtMs) lookAtAll(work);
  if (work.effects.length === 0 && event.kind === 'tick' && work.s.wakeAtMs === state.wakeAtMs) {
    return { state, effects: [], wakeAtMs: state.wakeAtMs };
  }
  return { state: work.s, effects: work.effects, wakeAtMs: work.s.wakeAtMs };
}

function apply(work: Work, event: VoterEvent): void {
  switch (event.kind) {
    case 'tick':
      return;
    case 'heartbeat-seen':
      onHeartbeat(work, event);
      return;
    case 'membership-seen':
      onMembership(work, event.subject, event.state);
      return;
    case 'promise-asked':
      answerPromise(work, event.subject, event.requestId);
      return;
    case 'own-heartbeat':
      onOwnHeartbeat(work, event.applied);
      return;
    case 'vote-noted':
      onNoted(work, event.subject, event.revision);
      return;
    case 'vote-answer':
      onVoteAnswer(work, event);
      return;
  }
}

function onHeartbeat(
  work: Work,
  { subject, revision, heartbeat }: Extract<VoterEvent, { kind: 'heartbeat-seen' }>,
): void {
  const { s, nowMs, effects } = work;
  if (subject === s.config.node) return;
  const known = subjectOf(work, subject);
  if (known.heartbeat !== null && !isNewer(revision, known.heartbeat.revision)) return;
  let { vote } = known;
  // A vote says "I have not heard of it since": a newer heartbeat ends it.
  if (vote.kind !== 'none' && isNewer(revision, vote.revision)) {
    effects.push({ kind: 'note-vote', subject, revision: null });
    if (vote.kind !== 'noting') effects.push({ kind: 'delete-vote', subject });
    vote = NO_VOTE;
  }
  const { voters, votesNeeded, takeoverMs } = heartbeat;
  const terms = { voters, votesNeeded, takeoverMs };
  put(work, subject, { ...known, vote, heartbeat: { revision, terms }, quietSinceMs: nowMs });
}

function onMembership(work: Work, subject: NodeName, membership: SubjectState['membership']): void {
  if (subject === work.s.config.node) return;
  const known = subjectOf(work, subject);
  // The vote stays noted: whoever was fenced by it must not get a promise before it is heard again.
  if (known.membership !== membership) put(work, subject, { ...known, membership });
}

function answerPromise(work: Work, subject: NodeName, requestId: number): void {
  const known = subjectOf(work, subject);
  const reason = whyNoPromise(known);
  work.effects.push({ kind: 'answer-promise', requestId, subject, granted: reason === null, reason: reason ?? '' });
  if (reason === null) put(work, subject, { ...known, quietSinceMs: work.nowMs });
}

function whyNoPromise({ membership, vote }: SubjectState): string | null {
  if (membership === 'fenced') return 'It has been fenced.';
  if (membership === 'gone') return 'It is not a member of the cluster.';
  if (vote.kind === 'none') return null;
  if (vote.kind === 'earlier') return 'An earlier agent of this node may have voted that it is gone.';
  return 'This node has voted that it is gone.';
}

function onOwnHeartbeat({ s, nowMs }: Work, applied: boolean): void {
  if (!applied) {
    s.steadySinceMs = null;
    s.ownAppliedMs = null;
    return;
  }
  if (s.ownAppliedMs === null || nowMs - s.ownAppliedMs > s.config.steadyMs) s.steadySinceMs = nowMs;
  s.ownAppliedMs = nowMs;
}

/** From when on this node may vote; infinite while its own heartbeats do not get through. */
function steadyAt({ s, nowMs }: Work): number {
  const { steadySinceMs, ownAppliedMs, config } = s;
  if (steadySinceMs === null || ownAppliedMs === null) return Number.POSITIVE_INFINITY;
  if (nowMs - ownAppliedMs > config.steadyMs) return Number.POSITIVE_INFINITY;
  return steadySinceMs + config.steadyMs;
}

function onNoted(work: Work, subject: NodeName, revision: Revision): void {
  const known = subjectOf(work, subject);
  if (known.vote.kind !== 'noting' || known.vote.revision !== revision) return;
  put(work, subject, { ...known, vote: { kind: 'writing', revision, askedMs: work.nowMs } });
  work.effects.push({ kind: 'write-vote', subject, revision });
}

function onVoteAnswer(work: Work, { subject, revision, outcome }: Extract<VoterEvent, { kind: 'vote-answer' }>): void {
  const known = subjectOf(work, subject);
  const { vote } = known;
  if ((vote.kind !== 'writing' && vote.kind !== 'written') || vote.revision !== revision) return;
  if (outcome === 'unknown') return;
  if (outcome === 'applied') {
    put(work, subject, { ...known, vote: { kind: 'written', revision, askedMs: vote.askedMs } });
    return;
  }
  // There is a newer heartbeat, which the watch will bring: a vote for this one can never count any more.
  work.effects.push({ kind: 'note-vote', subject, revision: null }, { kind: 'delete-vote', subject });
  put(work, subject, { ...known, vote: NO_VOTE, quietSinceMs: work.nowMs });
}

/** All subjects that are due, and when the next one will be. */
function lookAtAll(work: Work): void {
  const { s, nowMs } = work;
  let next = nowMs + NOTHING_DUE_MS;
  for (const subject of Object.keys(s.subjects)) {
    const dueMs = lookAt(work, subject);
    if (dueMs < next) next = dueMs;
  }
  s.wakeAtMs = Math.max(next, nowMs + 1);
}

/** Does what is due about one subject; returns when something is due again. */
function lookAt(work: Work, subject: NodeName): number {
  const { nowMs, effects } = work;
  const known = subjectOf(work, subject);
  const dueMs = dueAt(work, known);
  if (dueMs > nowMs) return dueMs;
  const { vote, heartbeat } = known;
  let next: VoteState;
  if (vote.kind === 'none' || vote.kind === 'earlier') {
    if (heartbeat === null) return Number.POSITIVE_INFINITY;
    const readyMs = steadyAt(work);
    if (readyMs > nowMs) return Math.min(readyMs, nowMs + AGAIN_MS);
    next = { kind: 'noting', revision: heartbeat.revision, askedMs: nowMs };
    effects.push({ kind: 'note-vote', subject, revision: heartbeat.revision });
  } else {
    next = { ...vote, askedMs: nowMs };
    effects.push({ kind: vote.kind === 'noting' ? 'note-vote' : 'write-vote', subject, revision: vote.revision });
  }
  const changed = { ...known, vote: next };
  work.s.subjects = { ...work.s.subjects, [subject]: changed };
  return dueAt(work, changed);
}

/** When something is to be done about a subject that stays silent. */
function dueAt({ s }: Work, { heartbeat, vote, membership, quietSinceMs }: SubjectState): number {
  if (membership !== 'member') return Number.POSITIVE_INFINITY;
  if (vote.kind === 'noting' || vote.kind === 'writing') return vote.askedMs + AGAIN_MS;
  if (vote.kind === 'written') return vote.askedMs + REWRITE_MS;
  if (heartbeat === null || heartbeat.terms.takeoverMs === null) return Number.POSITIVE_INFINITY;
  if (!heartbeat.terms.voters.includes(s.config.node)) return Number.POSITIVE_INFINITY;
  return quietSinceMs + heartbeat.terms.takeoverMs;
}

function subjectOf(work: Work, subject: NodeName): SubjectState {
  return work.s.subjects[subject] ?? unheard(work.nowMs);
}

function unheard(nowMs: number): SubjectState {
  return { heartbeat: null, quietSinceMs: nowMs, membership: 'member', vote: NO_VOTE };
}

function put(work: Work, subject: NodeName, known: SubjectState): void {
  work.s.subjects = { ...work.s.subjects, [subject]: known };
  work.s.wakeAtMs = Math.min(work.s.wakeAtMs, Math.max(dueAt(work, known), work.nowMs + 1));
}
