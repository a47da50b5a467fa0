/**
 * Until when this node may run its highly available VMs. Proof is a heartbeat that was committed, or promises of enough voters
 * not to vote against this node; either counts from the time before it was sent. Pure; see docs/failover.md.
 */
import type { TakeoverTerms } from '../model/authority.ts';
import type { NodeName, Revision } from '../model/names.ts';
import {
  addTerms,
  candidates,
  doubtAfterAck,
  doubtAfterGivingUp,
  doubtUnder,
  includesTerms,
  needsNewToken,
  nobodyVotes,
} from './authority-doubt.ts';
import type { AuthorityState, SentHeartbeat } from './authority-state.ts';
import type { AuthorityConfig, AuthorityEffect, AuthorityEvent, Step } from './authority-types.ts';
import { promisesSuffice, sameTerms } from './quorum.ts';

export type { AuthorityState } from './authority-state.ts';

type Authority = Step<AuthorityState, AuthorityEffect>;
type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** One step under way: its own copy of the state. */
interface Work {
  readonly s: Writable<AuthorityState>;
  readonly effects: AuthorityEffect[];
  readonly nowMs: number;
}

const MOST_IN_FLIGHT = 2;
/** A failed attempt is followed by another at once, but for this part of the period: a refused connection fails within no time. */
const PERIOD_PER_SPACING = 5;
const RENEW_AGAIN_MS = 5000;
const NOTHING_DUE_MS = 60_000;

/** `nowMs` here and below: this node's monotonic clock, never less than at the step before. */
export function startAuthority(config: AuthorityConfig, nowMs: number): Authority {
  const noted = config.notedTerms ?? [];
  const state: AuthorityState = {
    config,
    token: null,
    endedToken: null,
    wanted: null,
    untilMs: 'none',
    proved: false,
    sent: [],
    doubt: {
      committed: noted.map((terms) => ({ terms, sinceSequence: config.firstSequence })),
      abandoned: noted.map((terms) => ({ terms, token: null })),
      unknown: config.notedTerms === null ? { token: null } : null,
    },
    notes: { noted, writing: null, lastNoteId: 0 },
    guard: config.guarded ? { kind: 'unknown' } : { kind: 'bounded' },
    nextSequence: config.firstSequence,
    lastSentMs: null,
    dueMs: nowMs,
    heardMs: nowMs,
    rounds: [],
    lastRound: 0,
    askedMs: null,
    renewalAskedMs: null,
    wakeAtMs: nowMs,
  };
  return finish({ s: { ...state }, effects: [], nowMs });
}

export function stepAuthority(state: AuthorityState, event: AuthorityEvent, nowMs: number): Authority {
  if (event.kind === 'tick' && nowMs < state.wakeAtMs) return { state, effects: [], wakeAtMs: state.wakeAtMs };
  const work: Work = { s: { ...state }, effects: [], nowMs };
  apply(work, event);
  return finish(work);
}

function apply(work: Work, event: AuthorityEvent): void {
  const { s, nowMs } = work;
  switch (event.kind) {
    case 'tick':
      return;
    case 'terms':
      if (s.wanted === null || !sameTerms(s.wanted.terms, event.terms)) s.dueMs = nowMs;
      s.wanted = { terms: event.terms, more: event.more };
      return;
    case 'membership':
      onMembership(work, event.token);
      return;
    case 'guard-deadline':
      onGuardDeadline(s, event.untilMs);
      return;
    case 'terms-noted':
      if (s.notes.writing?.noteId === event.noteId) {
        s.notes = { ...s.notes, noted: s.notes.writing.terms, writing: null };
      }
      return;
    case 'heartbeat-answer':
      onAnswer(work, event);
      return;
    case 'promise':
      if (event.granted) onPromise(work, event.round, event.voter);
      return;
  }
}

/** What follows from the state as it is now, whatever has happened. */
function finish(work: Work): Authority {
  const { s, effects, nowMs } = work;
  giveUpOld(s, nowMs);
  withoutEnd(work);
  noteTerms(work);
  sendHeartbeat(work);
  askPromises(work);
  askForNewToken(work);
  s.wakeAtMs = wakeAt(s, nowMs);
  return { state: s, effects, wakeAtMs: s.wakeAtMs };
}

function onMembership(work: Work, token: Revision | null): void {
  const { s, nowMs } = work;
  if (token === s.token || (token !== null && token === s.endedToken)) return;
  if (token === null) {
    lose(work);
    return;
  }
  s.doubt = doubtUnder(s.doubt, token);
  s.token = token;
  s.proved = false;
  s.renewalAskedMs = null;
  s.dueMs = nowMs;
}

function lose({ s, effects }: Work): void {
  s.endedToken = s.token;
  s.token = null;
  s.untilMs = 'none';
  s.proved = false;
  for (const heartbeat of s.sent) s.doubt = doubtAfterGivingUp(s.doubt, heartbeat);
  s.sent = [];
  s.rounds = [];
  s.renewalAskedMs = null;
  // The guard ends its deadline now, if it hears it.
  if (s.guard.kind === 'unbounded') s.guard = { kind: 'unknown' };
  effects.push({ kind: 'fenced' });
}

function onGuardDeadline(s: Writable<AuthorityState>, untilMs: number | null): void {
  if (untilMs === null || s.guard.kind === 'bounded') return;
  // An older end time may still be on its way from before "no end".
  const fresh = s.guard.kind === 'unknown' || (s.guard.atMs !== null && untilMs >= s.guard.atMs);
  if (fresh) s.guard = { kind: 'bounded' };
}

function onAnswer(work: Work, { sequence, outcome }: Extract<AuthorityEvent, { kind: 'heartbeat-answer' }>): void {
  const { s, nowMs } = work;
  const heartbeat = s.sent.find((other) => other.sequence === sequence);
  if (outcome !== 'applied' && sequence === s.nextSequence - 1) {
    s.dueMs = Math.max(nowMs, (s.lastSentMs ?? nowMs) + spacingMs(s.config));
  }
  if (heartbeat === undefined) return;
  if (outcome === 'unknown') {
    s.sent = s.sent.map((other) => (other === heartbeat ? { ...other, failed: true } : other));
    return;
  }
  s.sent = s.sent.filter((other) => other !== heartbeat);
  if (outcome === 'applied') onCommitted(work, heartbeat);
  // While a new token is being asked for, it may be this node itself that has moved it.
  else if (heartbeat.token === s.token && s.renewalAskedMs === null) lose(work);
}

function onCommitted(work: Work, heartbeat: SentHeartbeat): void {
  const { s, nowMs } = work;
  s.heardMs = nowMs;
  if (heartbeat.sequence === s.nextSequence - 1) s.dueMs = heartbeat.sentMs + s.config.heartbeatMs;
  s.doubt = doubtAfterAck(s.doubt, heartbeat, s.nextSequence);
  if (heartbeat.token === s.token) s.proved = true;
  extend(work, heartbeat.sentMs + s.config.authorityMs);
}

function onPromise(work: Work, round: number, voter: NodeName): void {
  const { s } = work;
  const asked = s.rounds.find((other) => other.round === round);
  if (asked === undefined || asked.granted.includes(voter)) return;
  const answered = { ...asked, granted: [...asked.granted, voter] };
  s.rounds = s.rounds.map((other) => (other === asked ? answered : other));
  const possible = candidates(s);
  if (possible === null || possible.length === 0 || isOut(s)) return;
  // Without a voter to ask there is no promise, hence no proof.
  if (possible.every((terms) => terms.takeoverMs === null)) return;
  if (possible.every((terms) => promisesSuffice(terms, answered.granted))) {
    extend(work, asked.sentMs + s.config.authorityMs);
  }
}

/** From here on a later end; from "no end" a time only by {@link withoutEnd} and {@link sendHeartbeat}. */
function extend(work: Work, untilMs: number): void {
  const { s } = work;
  if (untilMs <= work.nowMs || s.untilMs === null || (s.untilMs !== 'none' && untilMs <= s.untilMs)) return;
  setEnd(work, untilMs);
}

function setEnd({ s, effects }: Work, untilMs: number | null): void {
  s.untilMs = untilMs;
  effects.push({ kind: 'authority', untilMs });
  if (s.guard.kind === 'bounded' && !(untilMs === null && s.config.guarded)) return;
  if (untilMs === null) s.guard = { kind: 'unbounded', atMs: null };
  else if (s.guard.kind === 'unbounded' && s.guard.atMs === null) s.guard = { kind: 'unbounded', atMs: untilMs };
}

/** While nobody votes about this node its authority has no end, or an end that moves along where one is wanted again. */
function withoutEnd(work: Work): void {
  const { s, nowMs } = work;
  if (!s.proved || s.token === null || !nobodyVotes(s)) return;
  if ((s.wanted?.terms.takeoverMs ?? null) === null) {
    if (s.untilMs !== null) setEnd(work, null);
    return;
  }
  const untilMs = nowMs + s.config.authorityMs;
  if (s.untilMs === null || s.untilMs === 'none' || untilMs - s.untilMs >= s.config.heartbeatMs / 2) {
    setEnd(work, untilMs);
  }
}

/** The terms of the next heartbeat: no takeover time before the guard has an end time. */
function nextTerms(s: AuthorityState): TakeoverTerms | null {
  const terms = s.wanted?.terms ?? null;
  if (terms === null || terms.takeoverMs === null || s.guard.kind === 'bounded') return terms;
  return { ...terms, takeoverMs: null };
}

/** The note says at any time all that may be the newest: it grows before a heartbeat goes out, and shrinks some time after. */
function noteTerms(work: Work): void {
  const { s, effects } = work;
  const next = nextTerms(s);
  const known = candidates(s);
  // No note at all says "not known", and stays true.
  if (next === null || known === null) return;
  const { writing, noted, lastNoteId } = s.notes;
  if (writing !== null) return;
  const terms = [...known];
  addTerms(terms, next);
  if (terms.length === noted.length && terms.every((one) => includesTerms(noted, one))) return;
  const noteId = lastNoteId + 1;
  s.notes = { noted, lastNoteId: noteId, writing: { noteId, terms } };
  effects.push({ kind: 'note-terms', noteId, terms });
}

function isNoted(s: AuthorityState, terms: TakeoverTerms): boolean {
  const { noted, writing } = s.notes;
  if (s.doubt.unknown !== null) return s.config.notedTerms === null;
  return includesTerms(noted, terms) && (writing === null || includesTerms(writing.terms, terms));
}

function sendHeartbeat(work: Work): void {
  const { s, nowMs, effects } = work;
  const terms = nextTerms(s);
  if (s.token === null || s.wanted === null || terms === null || nowMs < s.dueMs) return;
  if (inFlight(s, nowMs) >= MOST_IN_FLIGHT || !isNoted(s, terms)) return;
  if (s.lastSentMs !== null && nowMs < s.lastSentMs + spacingMs(s.config)) return;
  const { node: _, attemptMs, authorityMs, heartbeatMs, bootId, agentId } = s.config;
  // From here on others may count; until now nobody did, so authority runs from now whether or not this is committed.
  if (terms.takeoverMs !== null && s.untilMs !== 'none' && s.proved && nobodyVotes(s))
    setEnd(work, nowMs + authorityMs);
  const sequence = s.nextSequence;
  s.nextSequence = sequence + 1;
  s.lastSentMs = nowMs;
  s.dueMs = nowMs + Math.min(attemptMs, heartbeatMs);
  s.sent = [...s.sent, { sequence, sentMs: nowMs, terms, token: s.token, failed: false }];
  effects.push({
    kind: 'heartbeat',
    heartbeat: { ...terms, sequence, bootId, agentId, ...s.wanted.more },
    token: s.token,
    deadlineMs: nowMs + attemptMs,
  });
}

function askPromises(work: Work): void {
  const { s, nowMs, effects } = work;
  if (nowMs < askAt(s)) return;
  const voters: NodeName[] = [];
  for (const terms of candidates(s) ?? []) {
    if (terms.takeoverMs === null) continue;
    for (const voter of terms.voters) if (!voters.includes(voter)) voters.push(voter);
  }
  if (voters.length === 0) return;
  s.askedMs = nowMs;
  s.lastRound += 1;
  s.rounds = [...s.rounds, { round: s.lastRound, sentMs: nowMs, granted: [] }];
  effects.push({ kind: 'ask-promises', round: s.lastRound, voters });
}

function askAt(s: AuthorityState): number {
  if (isOut(s) || s.untilMs === null || s.doubt.unknown !== null) return Number.POSITIVE_INFINITY;
  const first = s.heardMs + s.config.askAfterMs;
  return s.askedMs === null ? first : Math.max(first, s.askedMs + s.config.askEveryMs);
}

/**
 * Fenced, and not yet a member again. An agent that has started while the store is away does not know its token, but promises
 * count all the same: who has voted against this node gives none.
 */
function isOut(s: AuthorityState): boolean {
  return s.token === null && s.endedToken !== null;
}

function askForNewToken(work: Work): void {
  const { s, nowMs, effects } = work;
  if (s.token === null || !s.proved || nowMs < renewAt(s)) return;
  s.renewalAskedMs = nowMs;
  effects.push({ kind: 'renew-token', token: s.token });
}

function renewAt(s: AuthorityState): number {
  const terms = nextTerms(s);
  if (terms === null || !s.proved || !needsNewToken(s, terms)) return Number.POSITIVE_INFINITY;
  return s.renewalAskedMs === null ? 0 : s.renewalAskedMs + RENEW_AGAIN_MS;
}

/** Answers after the end of what they could give do not matter; that they may be committed does. */
function giveUpOld(s: Writable<AuthorityState>, nowMs: number): void {
  const over = ({ sentMs }: { readonly sentMs: number }) => sentMs + s.config.authorityMs <= nowMs;
  if (s.sent.some(over)) {
    for (const heartbeat of s.sent) if (over(heartbeat)) s.doubt = doubtAfterGivingUp(s.doubt, heartbeat);
    s.sent = s.sent.filter((heartbeat) => !over(heartbeat));
  }
  if (s.rounds.some(over)) s.rounds = s.rounds.filter((round) => !over(round));
}

function inFlight(s: AuthorityState, nowMs: number): number {
  let count = 0;
  for (const { failed, sentMs } of s.sent) if (!failed && nowMs < sentMs + s.config.attemptMs) count += 1;
  return count;
}

function spacingMs({ heartbeatMs }: AuthorityConfig): number {
  return Math.floor(heartbeatMs / PERIOD_PER_SPACING);
}

function wakeAt(s: AuthorityState, nowMs: number): number {
  const terms = nextTerms(s);
  let at = Math.min(nowMs + NOTHING_DUE_MS, askAt(s), renewAt(s));
  if (s.token !== null && terms !== null && isNoted(s, terms)) {
    const spaced = s.lastSentMs === null ? s.dueMs : Math.max(s.dueMs, s.lastSentMs + spacingMs(s.config));
    at = Math.min(at, inFlight(s, nowMs) < MOST_IN_FLIGHT ? spaced : attemptEnd(s, nowMs));
  }
  return Math.max(at, nowMs + 1);
}

/** When the oldest attempt that is still in flight has had its time. */
function attemptEnd(s: AuthorityState, nowMs: number): number {
  const running = s.sent.find(({ failed, sentMs }) => !failed && nowMs < sentMs + s.config.attemptMs);
  return (running?.sentMs ?? nowMs) + s.config.attemptMs;
}
