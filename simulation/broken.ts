// Production decisions, each broken in one place: see mutations.ts.
import type { AuthorityEffect, AuthorityEvent } from '../src/failover/authority-types.ts';
import { PRODUCTION, type Protocol } from './protocol.ts';

const P = PRODUCTION;
type AuthorityStep = Protocol['stepAuthority'];
type VoterStep = Protocol['stepVoter'];

/** The authority reducer with other events in, or other effects out. */
export function authority(change: {
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

export const fromNow =
  (kind: AuthorityEvent['kind']) => (effect: AuthorityEffect, event: AuthorityEvent, nowMs: number) =>
    effect.kind === 'authority' && effect.untilMs !== null && event.kind === kind
      ? { ...effect, untilMs: nowMs + 3500 }
      : effect;

export const grantsAlways: VoterStep = (state, event, nowMs) => {
  const step = P.stepVoter(state, event, nowMs);
  return {
    ...step,
    effects: step.effects.map((effect) => (effect.kind === 'answer-promise' ? { ...effect, granted: true } : effect)),
  };
};

/** The timer goes on as if no promise had been given. */
export const promiseDoesNotReset: VoterStep = (state, event, nowMs) => {
  const step = P.stepVoter(state, event, nowMs);
  return event.kind === 'promise-asked' ? { ...step, state, wakeAtMs: state.wakeAtMs } : step;
};

/** As if it had heard nothing for long before it saw the first heartbeat. */
export const votesAfterRestart: VoterStep = (state, event, nowMs) => {
  const step = P.stepVoter(state, event, nowMs);
  if (event.kind !== 'heartbeat-seen' || (state.subjects[event.subject]?.heartbeat ?? null) !== null) return step;
  const subject = step.state.subjects[event.subject];
  if (subject === undefined) return step;
  const subjects = { ...step.state.subjects, [event.subject]: { ...subject, quietSinceMs: nowMs - 60_000 } };
  return { ...step, state: { ...step.state, subjects, wakeAtMs: nowMs }, wakeAtMs: nowMs };
};

export const terms = (
  change: (terms: ReturnType<Protocol['takeoverTerms']>) => ReturnType<Protocol['takeoverTerms']>,
) => ({
  takeoverTerms: (input: Parameters<Protocol['takeoverTerms']>[0]) => change(P.takeoverTerms(input)),
});

/** Any one vote takes over, and any one promise keeps alive. */
export const oneIsEnough = (): Partial<Protocol> => ({
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
export const trustsTheWatch: Partial<Protocol> = {
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

export const ignoresIntents: Partial<Protocol> = {
  decideRecovery: (state, now) => {
    const vms = new Map([...state.vms].map(([name, entry]) => [name, { ...entry, intent: null }]));
    return P.decideRecovery({ ...state, vms }, now).map((decision) => {
      if (decision.transaction === null) return decision;
      const compare = decision.transaction.compare.filter(({ key }) => !key.endsWith('/intent'));
      return { ...decision, transaction: { ...decision.transaction, compare } };
    });
  },
};

export const lateGuard: Partial<Protocol> = {
  decideGuard: (sight) =>
    P.decideGuard(sight.deadlineMs === null ? sight : { ...sight, deadlineMs: sight.deadlineMs + 6000 }),
};

export const petsAlways: Partial<Protocol> = {
  decideGuard: (sight) => ({
    ...P.decideGuard(sight),
    pet: true,
    freeze: false,
    kill: false,
    wakeAtMs: sight.nowMs + 500,
  }),
};

export const forgetsVotes: Partial<Protocol> = {
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

export function loadedIsEnough(): Partial<Protocol> {
  return {
    settleIntent: (sight) => {
      const { destination } = sight;
      if (destination.kind !== 'answered' || destination.copy !== 'loaded') return P.settleIntent(sight);
      return P.settleIntent({ ...sight, destination: { ...destination, hasGo: true } });
    },
  };
}

export function restartsWithOpenSide(): Partial<Protocol> {
  return {
    settleIntent: (sight) => {
      const reason = 'the source is fenced';
      if (!sight.sourceFenced) return P.settleIntent(sight);
      return { kind: 'close', settlement: 'restart', mayRun: 'neither', reason, relyOnFenced: ['source'] };
    },
  };
}

export function trustsAnyVote(): Partial<Protocol> {
  return {
    decideTakeover: (sight, cluster) => {
      const { heartbeat } = sight;
      if (heartbeat === null) return P.decideTakeover(sight, cluster);
      const votes = sight.votes.map((vote) => ({ ...vote, heartbeatRevision: heartbeat.revision }));
      return P.decideTakeover({ ...sight, votes, silentForMs: Math.max(sight.silentForMs ?? 0, 3000) }, cluster);
    },
  };
}
