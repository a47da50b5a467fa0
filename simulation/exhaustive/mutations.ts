// Deliberate breakages of the protocol. Each must be found, or the search is too weak.
import type { TakeoverTerms } from '../../src/model/authority.ts';
import type { VoterState } from '../../src/failover/voter.ts';
import { PRODUCTION, type Protocol } from './protocol.ts';
import { CHANGE, settingFor } from './settings.ts';
import { SUBJECT, type Setting } from './world.ts';

export interface Mutation {
  readonly name: string;
  readonly setting: Setting;
}

const broken = (voters: number, protocol: Partial<Protocol>, more: Partial<Setting> = {}) =>
  settingFor(voters, { ...more, protocol: { ...PRODUCTION, ...protocol } });

/** The acknowledgement seems to be of a heartbeat that was sent just now. */
const fromAcknowledgement: Protocol['stepAuthority'] = (state, event, nowMs) => {
  if (event.kind !== 'heartbeat-answer') return PRODUCTION.stepAuthority(state, event, nowMs);
  const sent = state.sent.map((other) => (other.sequence === event.sequence ? { ...other, sentMs: nowMs } : other));
  return PRODUCTION.stepAuthority({ ...state, sent }, event, nowMs);
};

const promiseFromAnswer: Protocol['stepAuthority'] = (state, event, nowMs) => {
  if (event.kind !== 'promise') return PRODUCTION.stepAuthority(state, event, nowMs);
  const rounds = state.rounds.map((other) => (other.round === event.round ? { ...other, sentMs: nowMs } : other));
  return PRODUCTION.stepAuthority({ ...state, rounds }, event, nowMs);
};

/** Only the terms that are wanted now are thought of. */
const promiseUnderNewTermsOnly: Protocol['stepAuthority'] = (state, event, nowMs) => {
  if (event.kind !== 'promise') return PRODUCTION.stepAuthority(state, event, nowMs);
  const wanted = state.wanted?.terms.voters[0];
  const isWanted = ({ terms }: { readonly terms: TakeoverTerms }) => terms.voters[0] === wanted;
  const { doubt, sent } = state;
  const forgetful = {
    ...doubt,
    committed: doubt.committed.filter(isWanted),
    abandoned: doubt.abandoned.filter(isWanted),
  };
  const step = PRODUCTION.stepAuthority({ ...state, doubt: forgetful, sent: sent.filter(isWanted) }, event, nowMs);
  return { ...step, state: { ...step.state, doubt, sent } };
};

function withSubject(state: VoterState, change: Partial<VoterState['subjects'][string]>): VoterState {
  const known = state.subjects[SUBJECT];
  if (known === undefined) return state;
  return { ...state, subjects: { ...state.subjects, [SUBJECT]: { ...known, ...change } } };
}

/** The vote is out of sight while a promise is asked for. */
const promiseInSpiteOfVote: Protocol['stepVoter'] = (state, event, nowMs) => {
  const known = state.subjects[SUBJECT];
  if (event.kind !== 'promise-asked' || known === undefined) return PRODUCTION.stepVoter(state, event, nowMs);
  const step = PRODUCTION.stepVoter(withSubject(state, { vote: { kind: 'none' } }), event, nowMs);
  return { ...step, state: withSubject(step.state, { vote: known.vote }) };
};

/** The silence goes on in spite of a promise. */
const promiseLeavesTimer: Protocol['stepVoter'] = (state, event, nowMs) => {
  const known = state.subjects[SUBJECT];
  const step = PRODUCTION.stepVoter(state, event, nowMs);
  if (event.kind !== 'promise-asked' || known === undefined) return step;
  return { ...step, state: withSubject(step.state, { quietSinceMs: known.quietSinceMs }) };
};

/** The silence seems to have begun before the voter did. */
const votesAfterRestart: Protocol['stepVoter'] = (state, event, nowMs) => {
  const first = event.kind === 'heartbeat-seen' && (state.subjects[SUBJECT]?.heartbeat ?? null) === null;
  const step = PRODUCTION.stepVoter(state, event, nowMs);
  return first ? { ...step, state: { ...withSubject(step.state, { quietSinceMs: 0 }), wakeAtMs: nowMs } } : step;
};

export const MUTATIONS: readonly Mutation[] = [
  { name: 'takeover time one tick too short', setting: settingFor(1, { takeover: 3 }) },
  {
    name: 'authority counts from the acknowledgement',
    setting: broken(1, { stepAuthority: fromAcknowledgement }),
  },
  { name: 'a promise counts from its arrival', setting: broken(1, { stepAuthority: promiseFromAnswer }) },
  { name: 'a promise while a vote is out', setting: broken(1, { stepVoter: promiseInSpiteOfVote }) },
  { name: 'a promise does not begin the silence anew', setting: broken(1, { stepVoter: promiseLeavesTimer }) },
  { name: 'votes are not about one heartbeat', setting: broken(1, { isAbout: () => true }) },
  { name: 'one vote and one promise of two voters', setting: settingFor(2, { votesTaken: 1 }) },
  { name: 'two votes and one promise of three voters', setting: settingFor(3, { votesNeeded: 3 }) },
  {
    name: 'a voter that starts anew does not wait',
    setting: broken(1, { stepVoter: votesAfterRestart }, { restarts: true }),
  },
  {
    name: 'a voter that starts anew has forgotten its vote',
    setting: broken(1, { notedOnDisk: () => null }, { restarts: true }),
  },
  {
    name: 'promises need no quorum under the old terms while the new ones are unanswered',
    setting: { ...CHANGE, protocol: { ...PRODUCTION, stepAuthority: promiseUnderNewTermsOnly } },
  },
  { name: 'takeover time one tick too short while the voters change', setting: { ...CHANGE, takeover: 2 } },
  { name: 'a heartbeat does not compare the fencing token', setting: broken(1, { commitsWhenFenced: true }) },
];
