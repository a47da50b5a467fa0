// One node X that may be taken over, its voters and the store, at one moment. Everything that can happen next is a transition of its own:
// messages wait for any time or for ever, and whoever has not been given its turn stands still.
import type { AuthorityState } from '../../src/failover/authority.ts';
import type { AuthorityEffect } from '../../src/failover/authority-types.ts';
import type { VoterState } from '../../src/failover/voter.ts';
import type { VoterEffect } from '../../src/failover/voter-types.ts';
import type { TakeoverTerms } from '../../src/model/authority.ts';
import type { Protocol } from './protocol.ts';

/** So long that all short waits of the reducers (repeating a request and the like) are over with the next tick. */
export const TICK_MS = 1_000_000;
export const SUBJECT = 'x';

export interface Setting {
  readonly voters: number;
  /** Length of authority, of the fence bound and of the silence before a vote, in ticks. */
  readonly authority: number;
  readonly fence: number;
  readonly takeover: number;
  /** As the heartbeat says it, and as the takeover takes it: the same but for a broken protocol. */
  readonly votesNeeded: number;
  readonly votesTaken: number;
  readonly restarts: boolean;
  /** X may get other voters, once: the first half of them votes about it before, the second half after. */
  readonly changes: boolean;
  readonly protocol: Protocol;
}

export interface World {
  readonly nowMs: number;
  readonly x: AuthorityState;
  /** What the guard of X was told: it may let VMs run until the fence bound after it. */
  readonly guardUntilMs: number;
  /** The first heartbeat with the other voters; null: it has not got them. */
  readonly changedAt: number | null;
  /** Heartbeats that may still be committed, and those whose acknowledgement is on its way. */
  readonly requests: readonly number[];
  readonly acks: readonly number[];
  readonly store: Store;
  readonly voters: readonly VoterWorld[];
  /** What the agent of X has noted of its terms. */
  readonly noted: readonly TakeoverTerms[];
}

export interface Store {
  /** Revision of the newest heartbeat; 0: none. */
  readonly heartbeat: number;
  /** Whether that one has the other voters. */
  readonly changed: boolean;
  readonly fenced: boolean;
}

export interface VoterWorld {
  readonly name: string;
  readonly state: VoterState;
  /** Rounds in which it has granted a promise that is on its way to X. */
  readonly granted: readonly number[];
  /** On disk; being written to it. */
  readonly noted: number | null;
  readonly noting: number | null;
  /** A vote on its way to the store, and the one in it. */
  readonly writing: number | null;
  readonly vote: number | null;
}

export interface Transition {
  readonly what: string;
  readonly world: World;
}

/** Whether another node may run the VMs of X while X may run them as well. */
export function isBroken({ nowMs, guardUntilMs, store }: World, setting: Setting): boolean {
  return store.fenced && nowMs <= guardUntilMs + setting.fence * TICK_MS;
}

export function termsOf({ voters, votesNeeded, takeover, changes }: Setting, changed: boolean): TakeoverTerms {
  const names = Array.from({ length: voters }, (_, index) => `voter${index + 1}`);
  const half = voters / 2;
  const some = changes ? (changed ? names.slice(half) : names.slice(0, half)) : names;
  return { voters: some, votesNeeded, takeoverMs: takeover * TICK_MS };
}

export function startWorld(setting: Setting): World {
  const nowMs = 100 * TICK_MS;
  const { voters: names } = termsOf({ ...setting, changes: false }, false);
  const voters = names.map((name) => freshVoter(setting, name, nowMs));
  const store = { heartbeat: 0, changed: false, fenced: false };
  const bare = { nowMs, guardUntilMs: 0, changedAt: null, requests: [], acks: [], store, voters, noted: [] };
  return { ...bare, ...startX(setting, { ...bare, x: undefined as unknown as AuthorityState }, null) };
}

function freshVoter({ protocol }: Setting, name: string, nowMs: number): VoterWorld {
  const { state } = protocol.startVoter({ node: name, bootId: 'b', notedVotes: {}, steadyMs: 0 }, nowMs);
  return { name, state, granted: [], noted: null, noting: null, writing: null, vote: null };
}

/** An agent of X starts; what it knows of an earlier one is what that one noted. */
export function startX(setting: Setting, world: World, notedTerms: readonly TakeoverTerms[] | null): World {
  const { protocol, authority } = setting;
  const firstSequence = world.x === undefined ? 1 : world.x.nextSequence;
  const config = {
    ...{ node: SUBJECT, bootId: 'b', agentId: 'a', firstSequence, notedTerms: notedTerms ?? [] },
    ...{ heartbeatMs: TICK_MS, attemptMs: authority * TICK_MS, authorityMs: authority * TICK_MS },
    // Asking is allowed at any time: a node may believe the store to be away when it is not.
    ...{ askAfterMs: 0, askEveryMs: TICK_MS * authority, guarded: false },
  };
  const { state } = protocol.startAuthority(config, world.nowMs);
  // Promises and acknowledgements on their way were for the agent that is gone.
  const voters = world.voters.map((voter) => ({ ...voter, granted: [] }));
  let next: World = { ...world, x: state, acks: [], voters };
  next = withTerms(setting, next, world.changedAt !== null);
  return world.store.fenced ? next : stepX(setting, next, { kind: 'membership', token: '1' });
}

/** X is told who votes about it; its note is on disk at once. */
export function withTerms(setting: Setting, world: World, changed: boolean): World {
  const terms = termsOf(setting, changed);
  const next = stepX(setting, world, { kind: 'terms', terms, more: { guard: null, promises: [] } });
  const noteId = next.x.notes.writing?.noteId;
  return noteId === undefined ? next : stepX(setting, next, { kind: 'terms-noted', noteId });
}

export function stepX(setting: Setting, world: World, event: Parameters<Protocol['stepAuthority']>[1]): World {
  const { state, effects } = setting.protocol.stepAuthority(world.x, event, world.nowMs);
  let next = state === world.x ? world : { ...world, x: state };
  for (const effect of effects) next = carryOutOfX(next, effect);
  return withoutUseless(next);
}

function carryOutOfX(world: World, effect: AuthorityEffect): World {
  switch (effect.kind) {
    case 'heartbeat':
      return { ...world, requests: [...world.requests, effect.heartbeat.sequence] };
    case 'authority':
      return { ...world, guardUntilMs: Math.max(world.guardUntilMs, effect.untilMs ?? Number.POSITIVE_INFINITY) };
    case 'ask-promises':
      // Whoever is asked may answer at any time from now on: see the open rounds of X.
      return world;
    case 'note-terms':
      return { ...world, noted: effect.terms };
    case 'renew-token':
    case 'fenced':
      // X ignores being fenced: the guard's worst case is what counts.
      return world;
  }
}

/** Answers that can give X nothing any more go. */
export function withoutUseless(world: World): World {
  const { x, nowMs, acks, voters } = world;
  const isOpen = ({ sentMs }: { readonly sentMs: number }) => sentMs + x.config.authorityMs > nowMs;
  const awaited = (sequence: number) => x.sent.some((sent) => sent.sequence === sequence && isOpen(sent));
  const asked = (round: number) => x.rounds.some((other) => other.round === round && isOpen(other));
  if (acks.every(awaited) && voters.every(({ granted }) => granted.every(asked))) return world;
  const left = voters.map((voter) => ({ ...voter, granted: voter.granted.filter(asked) }));
  return { ...world, acks: acks.filter(awaited), voters: left };
}

/** The own heartbeats of a voter get through: the silence that a voter keeps otherwise only makes votes rarer. */
export function stepVoter(
  setting: Setting,
  voter: VoterWorld,
  { event, nowMs }: { readonly event: Parameters<Protocol['stepVoter']>[1]; readonly nowMs: number },
): VoterWorld {
  const steady = { ...voter.state, steadySinceMs: nowMs, ownAppliedMs: nowMs };
  const { state, effects } = setting.protocol.stepVoter(steady, event, nowMs);
  let next: VoterWorld = { ...voter, state };
  for (const effect of effects) next = carryOutOfVoter(next, effect);
  // Only a voter that starts anew tells the time of writing to disk apart.
  if (next.noting === null || setting.restarts) return next;
  return notedOf(setting, next, nowMs);
}

/** The disk is done with the vote. */
export function notedOf(setting: Setting, voter: VoterWorld, nowMs: number): VoterWorld {
  const revision = voter.noting ?? 0;
  const event = { kind: 'vote-noted', subject: SUBJECT, revision: String(revision) } as const;
  return stepVoter(setting, { ...voter, noted: revision, noting: null }, { event, nowMs });
}

function carryOutOfVoter(voter: VoterWorld, effect: VoterEffect): VoterWorld {
  switch (effect.kind) {
    case 'answer-promise':
      return effect.granted ? { ...voter, granted: [...voter.granted, effect.requestId] } : voter;
    case 'note-vote': {
      if (effect.revision === null) return { ...voter, noted: null, noting: null };
      return { ...voter, noting: Number(effect.revision) };
    }
    case 'write-vote':
      // Repeated as long as it waits for the answer, and now and then after it.
      return voter.vote === Number(effect.revision) ? voter : { ...voter, writing: Number(effect.revision) };
    case 'delete-vote':
      // Tidiness: a vote less, which takes nothing over.
      return voter;
  }
}
