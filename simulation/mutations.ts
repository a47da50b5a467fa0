import {
  WITHOUT_COURTESY,
  authority,
  forgetsVotes,
  fromNow,
  grantsAlways,
  ignoresIntents,
  lateGuard,
  loadedIsEnough,
  oneIsEnough,
  petsAlways,
  promiseDoesNotReset,
  restartsWithOpenSide,
  terms,
  trustsAnyVote,
  trustsTheWatch,
  votesAfterRestart,
} from './broken.ts';
import type { Profile } from './cluster-plan.ts';
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
  /** Besides what the seed has, the store is set back under the running nodes. */
  readonly setBack?: true;
  readonly protocol?: Partial<Protocol>;
  readonly rules?: Partial<ShellRules>;
}

export function worldOf(mutation: Mutation): { readonly protocol: Protocol; readonly rules: ShellRules } {
  return { protocol: { ...PRODUCTION, ...mutation.protocol }, rules: { ...KEPT, ...mutation.rules } };
}

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
    seed: 10,
    protocol: { ...WITHOUT_COURTESY, stepVoter: promiseDoesNotReset },
  },
  {
    name: 'voter-forgets-votes',
    what: 'a voter forgets votes that are noted or on their way',
    profile: 'safety',
    seed: 26,
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
    seed: 7,
    protocol: trustsTheWatch,
  },
  {
    name: 'no-watchdog-needed',
    what: 'a node without a watchdog can be taken over by votes',
    profile: 'safety',
    seed: 88,
    protocol: {
      ...WITHOUT_COURTESY,
      takeoverTerms: (input) => PRODUCTION.takeoverTerms({ ...input, watchdogMs: 2000 }),
    },
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
    seed: 5,
    protocol: ignoresIntents,
  },
  {
    name: 'go-without-completed',
    what: 'GO is sent though the source has not completed',
    profile: 'liveness',
    seed: 7,
    rules: { goAfterCompleted: false },
  },
  {
    name: 'loaded-is-enough',
    what: 'a destination that has loaded everything goes on without GO when the source is fenced',
    profile: 'liveness',
    seed: 11,
    protocol: loadedIsEnough(),
  },
  {
    name: 'restart-with-open-side',
    what: 'a VM is started from its disk though only one side of its migration is fenced',
    profile: 'liveness',
    seed: 36,
    protocol: restartsWithOpenSide(),
  },
  {
    name: 'source-always-continues',
    what: 'the source goes on when the destination is dead, though that one may have run',
    profile: 'liveness',
    seed: 23,
    protocol: {
      decideMigration: (state, seen) => PRODUCTION.decideMigration(state, { ...seen, destinationMayHaveRun: false }),
    },
  },
  {
    name: 'memory-not-compared',
    what: 'memory of a node is taken without comparing what is taken already',
    profile: 'safety',
    seed: 1,
    rules: { compareMemory: false },
  },
  {
    name: 'takeover-not-compared',
    what: 'a takeover compares neither the heartbeat nor the fencing token nor the votes',
    profile: 'safety',
    seed: 18,
    rules: { compareTakeover: false },
  },
  {
    name: 'assignment-not-compared',
    what: 'VMs of a fenced node get a new owner without comparing what is known of them',
    profile: 'safety',
    seed: 153,
    rules: { compareAssignment: false },
  },
  {
    name: 'drain-ends-too-early',
    what: 'a node counts as drained while its last VM is still there',
    profile: 'upgrade',
    seed: 1,
    protocol: {
      nextDrainSteps: (state, now, node) => {
        const without = new Map([...state.vms].filter(([, { owner }]) => owner?.value.node !== node));
        const steps = PRODUCTION.nextDrainSteps(state, now, node);
        return steps.left > 1 ? steps : PRODUCTION.nextDrainSteps({ ...state, vms: without }, now, node);
      },
    },
  },
  {
    name: 'all-start-at-once',
    what: 'a node starts all its VMs at the same time',
    profile: 'safety',
    seed: 8,
    rules: { startInTurn: false },
  },
  {
    name: 'store-set-back-not-noticed',
    what: 'nobody notices that the store has gone back in time',
    profile: 'safety',
    seed: 4,
    setBack: true,
    protocol: { judgeStoreAnswer: () => ({ kind: 'forward' }) },
  },
  {
    name: 'store-set-back-is-kept',
    what: 'nodes that know that the store has gone back in time keep it for those that do not',
    profile: 'safety',
    seed: 30,
    setBack: true,
    rules: { giveUpSeat: false },
  },
];
