import type { AuthorityEffect, AuthorityEvent } from '../src/failover/authority-types.ts';
import type { Profile } from './plan.ts';
import { PRODUCTION, type Protocol } from './protocol.ts';
import { KEPT, type ShellRules } from './rules.ts';

/** The protocol, broken on purpose in one place. The simulation has to notice. */
export interface Mutation {
  readonly name: string;
  /** What is broken, one line. */
  readonly what: string;
  readonly profile: Profile;
  /** One that is known to catch it. */
  readonly seed: number;
  readonly protocol?: Partial<Protocol>;
  readonly rules?: Partial<ShellRules>;
}

export function worldOf(mutation: Mutation): { readonly protocol: Protocol; readonly rules: ShellRules } {
  return { protocol: { ...PRODUCTION, ...mutation.protocol }, rules: { ...KEPT, ...mutation.rules } };
}

const P = PRODUCTION;
type AuthorityStep = Protocol['stepAuthority'];
type VoterStep = Protocol['stepVoter'];

/** The authority reducer with other events in, or other effects out. */
function authority(change: {
  event?: (event: AuthorityEvent) => AuthorityEvent;
  effect?: (effect: AuthorityEffect, event: AuthorityEvent, nowMs: number) => AuthorityEffect;
}): Partial<Protocol> {
  const stepAuthority: AuthorityStep = (state, event, nowMs) => {
    const step = P.stepAuthority(state, change.event?.(event) ?? event, nowMs);
    const { effect } = change;
    if (effect === undefined) return step;
    return { ...step, effects: step.effects.map((one) => effect(one, event, nowMs)) };
  };
  return { stepAuthority };
}

/**
 * Without the courtesy that an agent shows a node which others have promised something: votes and promises have to suffice without
 * it, and it would hide that they do not.
 */
export const WITHOUT_COURTESY: Partial<Protocol> = {
  decideTakeover: (sight, cluster) => P.decideTakeover({ ...sight, promised: false }, cluster),
};

const fromNow = (kind: AuthorityEvent['kind']) => (effect: AuthorityEffect, event: AuthorityEvent, nowMs: number) =>
  effect.kind === 'authority' && effect.untilMs !== null && event.kind === kind
    ? { ...effect, untilMs: nowMs + 3500 }
    : effect;

const grantsAlways: VoterStep = (state, event, nowMs) => {
  const step = P.stepVoter(state, event, nowMs);
  return {
    ...step,
    effects: step.effects.map((effect) => (effect.kind === 'answer-promise' ? { ...effect, granted: true } : effect)),
  };
};

/** The timer goes on as if no promise had been given. */
const promiseDoesNotReset: VoterStep = (state, event, nowMs) => {
  const step = P.stepVoter(state, event, nowMs);
  return event.kind === 'promise-asked' ? { ...step, state, wakeAtMs: state.wakeAtMs } : step;
};

/** As if it had heard nothing for long before it saw the first heartbeat. */
const votesAfterRestart: VoterStep = (state, event, nowMs) => {
  const step = P.stepVoter(state, event, nowMs);
  if (event.kind !== 'heartbeat-seen' || (state.subjects[event.subject]?.heartbeat ?? null) !== null) return step;
  const subject = step.state.subjects[event.subject];
  if (subject === undefined) return step;
  const subjects = { ...step.state.subjects, [event.subject]: { ...subject, quietSinceMs: nowMs - 60_000 } };
  return { ...step, state: { ...step.state, subjects, wakeAtMs: nowMs }, wakeAtMs: nowMs };
};

const terms = (change: (terms: ReturnType<Protocol['takeoverTerms']>) => ReturnType<Protocol['takeoverTerms']>) => ({
  takeoverTerms: (input: Parameters<Protocol['takeoverTerms']>[0]) => change(P.takeoverTerms(input)),
});

/** Any one vote takes over, and any one promise keeps alive. */
const oneIsEnough = (): Partial<Protocol> => ({
  ...authority({
    event: (event) =>
      event.kind === 'terms'
        ? { ...event, terms: { ...event.terms, votesNeeded: Math.max(1, event.terms.voters.length) } }
        : event,
    effect: (effect) =>
      effect.kind === 'heartbeat' ? { ...effect, heartbeat: { ...effect.heartbeat, votesNeeded: 1 } } : effect,
  }),
});

/** Own silence is enough, whatever the voters have promised. */
const trustsTheWatch: Partial<Protocol> = {
  decideTakeover: (sight, cluster) => {
    const { heartbeat, silentForMs } = sight;
    const takeoverMs = heartbeat?.terms.takeoverMs ?? null;
    if (heartbeat === null || takeoverMs === null || (silentForMs ?? 0) < takeoverMs)
      return P.decideTakeover(sight, cluster);
    const votes = heartbeat.terms.voters.map((voter) => ({
      voter,
      heartbeatRevision: heartbeat.revision,
      keyRevision: '0',
    }));
    const decision = P.decideTakeover({ ...sight, votes, promised: false }, cluster);
    if (decision.kind !== 'take-over') return decision;
    const compare = decision.transaction.compare.filter(({ key }) => !key.includes('/votes/'));
    return { ...decision, transaction: { ...decision.transaction, compare } };
  },
};

const ignoresIntents: Partial<Protocol> = {
  decideRecovery: (state, now) => {
    const vms = new Map([...state.vms].map(([name, entry]) => [name, { ...entry, intent: null }]));
    return P.decideRecovery({ ...state, vms }, now).map((decision) => {
      if (decision.transaction === null) return decision;
      const compare = decision.transaction.compare.filter(({ key }) => !key.endsWith('/intent'));
      return { ...decision, transaction: { ...decision.transaction, compare } };
    });
  },
};

const lateGuard: Partial<Protocol> = {
  decideGuard: (sight) =>
    P.decideGuard(sight.deadlineMs === null ? sight : { ...sight, deadlineMs: sight.deadlineMs + 6000 }),
};

const petsAlways: Partial<Protocol> = {
  decideGuard: (sight) => ({
    ...P.decideGuard(sight),
    pet: true,
    freeze: false,
    kill: false,
    wakeAtMs: sight.nowMs + 500,
  }),
};

const forgetsVotes: Partial<Protocol> = {
  startVoter: (config, nowMs) => P.startVoter({ ...config, notedVotes: {} }, nowMs),
  stepVoter: (state, event, nowMs) => {
    const step = P.stepVoter(state, event, nowMs);
    if (event.kind !== 'promise-asked') return step;
    const kind = state.subjects[event.subject]?.vote.kind;
    if (kind !== 'noting' && kind !== 'writing') return step;
    const effects = step.effects.map((effect) =>
      effect.kind === 'answer-promise' ? { ...effect, granted: true } : effect,
    );
    return { ...step, effects };
  },
};

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'authority-from-answer',
    what: 'authority counts from the answer to a heartbeat, not from its sending',
    profile: 'safety',
    seed: 1,
    protocol: authority({ effect: fromNow('heartbeat-answer') }),
  },
  {
    name: 'authority-from-promise',
    what: 'authority counts from the answer of the voters, not from the question',
    profile: 'safety',
    seed: 2,
    protocol: authority({ effect: fromNow('promise') }),
  },
  {
    name: 'unknown-is-applied',
    what: 'a heartbeat without an answer counts as committed',
    profile: 'safety',
    seed: 1,
    protocol: authority({
      event: (event) =>
        event.kind === 'heartbeat-answer' && event.outcome === 'unknown' ? { ...event, outcome: 'applied' } : event,
    }),
  },
  {
    name: 'refusal-is-promise',
    what: 'any answer of a voter counts as a promise',
    profile: 'safety',
    seed: 2,
    protocol: authority({ event: (event) => (event.kind === 'promise' ? { ...event, granted: true } : event) }),
  },
  {
    name: 'promise-while-voting',
    what: 'a voter promises although it has voted',
    profile: 'safety',
    seed: 23,
    protocol: { ...WITHOUT_COURTESY, stepVoter: grantsAlways },
  },
  {
    name: 'promise-does-not-reset',
    what: 'a promise does not start the time of the voter anew',
    profile: 'safety',
    seed: 4,
    protocol: { ...WITHOUT_COURTESY, stepVoter: promiseDoesNotReset },
  },
  {
    name: 'voter-forgets-votes',
    what: 'a voter forgets votes that are noted or on their way',
    profile: 'safety',
    seed: 488,
    protocol: { ...WITHOUT_COURTESY, ...forgetsVotes },
  },
  {
    name: 'votes-after-restart',
    what: 'a voter that has just been started votes at once',
    profile: 'safety',
    seed: 402,
    protocol: { ...WITHOUT_COURTESY, stepVoter: votesAfterRestart },
  },
  {
    name: 'vote-not-compared',
    what: 'a vote does not compare the heartbeat that it is about',
    profile: 'safety',
    seed: 173,
    protocol: trustsAnyVote(),
    rules: { compareVote: false },
  },
  {
    name: 'one-vote-one-promise',
    what: 'one vote takes over and one promise keeps alive, of several voters',
    profile: 'safety',
    seed: 1,
    protocol: { ...WITHOUT_COURTESY, ...oneIsEnough() },
  },
  {
    name: 'takeover-too-early',
    what: 'the takeover time leaves out the fence bound',
    profile: 'safety',
    seed: 19,
    protocol: terms((one) => ({ ...one, takeoverMs: one.takeoverMs === null ? null : one.takeoverMs - 3500 })),
  },
  {
    name: 'trusts-the-watch',
    what: 'silence in the own watch is enough for a takeover',
    profile: 'safety',
    seed: 4,
    protocol: trustsTheWatch,
  },
  {
    name: 'no-watchdog-needed',
    what: 'a node without a watchdog can be taken over by votes',
    profile: 'safety',
    seed: 88,
    protocol: { ...WITHOUT_COURTESY, takeoverTerms: (input) => P.takeoverTerms({ ...input, watchdogMs: 2000 }) },
  },
  {
    name: 'token-not-compared',
    what: 'a heartbeat does not compare the fencing token',
    profile: 'safety',
    seed: 2,
    rules: { compareToken: false },
  },
  { name: 'guard-too-late', what: 'the guard acts six seconds late', profile: 'safety', seed: 12, protocol: lateGuard },
  {
    name: 'guard-pets-always',
    what: 'the guard pets the watchdog whatever happens, and stops nothing',
    profile: 'safety',
    seed: 12,
    protocol: petsAlways,
  },
  {
    name: 'fenced-goes-on',
    what: 'a fenced node keeps its VMs, and lets them go on without a proof that they are still here',
    profile: 'safety',
    seed: 23,
    rules: { endAllWhenFenced: false, proveBeforeThaw: false },
  },
  {
    name: 'run-before-record',
    what: 'a new QEMU runs before its state is recorded',
    profile: 'safety',
    seed: 1,
    rules: { recordBeforeResume: false, authorityBeforeStart: false },
  },
  {
    name: 'believes-the-controller',
    what: 'the answer to "off" is believed without asking again',
    profile: 'safety',
    seed: 8,
    rules: { askPowerAgain: false },
  },
  {
    name: 'recovery-ignores-intents',
    what: 'VMs are recovered without looking at their open migrations',
    profile: 'liveness',
    seed: 3,
    protocol: ignoresIntents,
  },
  {
    name: 'go-without-completed',
    what: 'GO is sent though the source has not completed',
    profile: 'liveness',
    seed: 10,
    rules: { goAfterCompleted: false },
  },
];

function trustsAnyVote(): Partial<Protocol> {
  return {
    decideTakeover: (sight, cluster) => {
      const { heartbeat } = sight;
      if (heartbeat === null) return P.decideTakeover(sight, cluster);
      const votes = sight.votes.map((vote) => ({ ...vote, heartbeatRevision: heartbeat.revision }));
      return P.decideTakeover({ ...sight, votes, silentForMs: Math.max(sight.silentForMs ?? 0, 3000) }, cluster);
    },
  };
}
