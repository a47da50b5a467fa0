import {
  notedOf,
  type Setting,
  type Store,
  withTerms,
  startX,
  stepVoter,
  stepX,
  SUBJECT,
  termsOf,
  TICK_MS,
  type Transition,
  type VoterWorld,
  withoutUseless,
  type World,
} from './world.ts';

/** The newest heartbeat that may still be committed, and an abandoned one. */
const AT_MOST_REQUESTS = 2;

/** Everything that can happen next. */
export function transitions(world: World, setting: Setting): Transition[] {
  const found: Transition[] = [];
  // X knows that it is fenced: it proves nothing any more.
  if (world.x.endedToken !== null) return found;
  const add = (what: string, next: World) => {
    if (next.requests.length <= AT_MOST_REQUESTS) found.push({ what, world: next });
    // More of them are abandoned: any of the older ones may be the one that lives on.
    else for (const gone of next.requests.slice(0, -1)) found.push({ what, world: without(next, gone) });
  };
  add('time passes', withoutUseless({ ...world, nowMs: world.nowMs + TICK_MS }));
  const ticked = stepX(setting, world, { kind: 'tick' });
  if (ticked.x !== world.x) add('X looks at its clock', ticked);
  heartbeats(world, setting, add);
  world.voters.forEach((_, index) => voterTransitions({ world, index, setting }, add));
  takeover(world, setting, add);
  if (setting.restarts) add("X's agent starts anew", startX(setting, world, world.noted));
  if (setting.changes && world.changedAt === null) {
    add('X gets other voters', withTerms(setting, { ...world, changedAt: world.x.nextSequence }, true));
  }
  return found;
}

function without(world: World, sequence: number): World {
  return { ...world, requests: world.requests.filter((other) => other !== sequence) };
}

type Add = (what: string, world: World) => void;

function heartbeats(world: World, setting: Setting, add: Add): void {
  const { store } = world;
  for (const sequence of world.requests) {
    const left = without(world, sequence);
    if (store.fenced && !setting.protocol.commitsWhenFenced) {
      add(`X hears that it is fenced`, stepX(setting, left, { kind: 'heartbeat-answer', sequence, outcome: 'fenced' }));
      continue;
    }
    const acks = [...left.acks, sequence];
    const changed = world.changedAt !== null && sequence >= world.changedAt;
    const committed = { ...left, acks, store: { ...store, changed, heartbeat: store.heartbeat + 1 } };
    add('a heartbeat is committed', withoutUseless(committed));
  }
  for (const sequence of world.acks) {
    const left = { ...world, acks: world.acks.filter((other) => other !== sequence) };
    add(
      'a heartbeat is acknowledged',
      stepX(setting, left, { kind: 'heartbeat-answer', sequence, outcome: 'applied' }),
    );
  }
}

interface At {
  readonly world: World;
  readonly index: number;
  readonly setting: Setting;
}

function voterTransitions({ world, index, setting }: At, add: Add): void {
  const voter = world.voters[index] as VoterWorld;
  const { name, state } = voter;
  const { nowMs } = world;
  const put = (what: string, next: VoterWorld) => add(`${name} ${what}`, replace(world, index, next));
  const give = (from: VoterWorld, event: Parameters<typeof stepVoter>[2]['event']) =>
    stepVoter(setting, from, { event, nowMs });

  if (nowMs >= state.wakeAtMs) put('looks at its clock', give(voter, { kind: 'tick' }));
  // The watch may be late for any time; heartbeats that are not the newest any more make a voter no more ready to vote.
  if (sawRevision(voter) < world.store.heartbeat) put('sees a heartbeat', give(voter, seen(setting, world.store)));
  for (const { round, granted } of world.x.rounds) {
    if (granted.includes(name) || voter.granted.includes(round)) continue;
    const answered = give(voter, { kind: 'promise-asked', subject: SUBJECT, requestId: round });
    if (answered.granted !== voter.granted)
      add(`${name} gives a promise`, withoutUseless(replace(world, index, answered)));
  }
  for (const round of voter.granted) {
    const granted = voter.granted.filter((other) => other !== round);
    const left = replace(world, index, { ...voter, granted });
    add(`X has the promise of ${name}`, stepX(setting, left, { kind: 'promise', round, voter: name, granted: true }));
  }
  if (voter.noting !== null) put('has noted its vote', notedOf(setting, voter, nowMs));
  if (voter.writing !== null) put('has its vote answered', answered(voter, world, setting));
  if (setting.restarts) put('starts anew', restarted(voter, world, setting));
}

/** The store answers at once; a vote that waits for its answer and one that waits to be written are the same to everybody else. */
function answered(voter: VoterWorld, { store, nowMs }: World, setting: Setting): VoterWorld {
  const revision = voter.writing ?? 0;
  const applied = setting.protocol.isAbout(revision, store.heartbeat);
  const left = { ...voter, writing: null, vote: applied ? revision : voter.vote };
  const outcome = applied ? 'applied' : 'compare-failed';
  const event = { kind: 'vote-answer', subject: SUBJECT, revision: String(revision), outcome } as const;
  return stepVoter(setting, left, { event, nowMs });
}

function sawRevision({ state }: VoterWorld): number {
  return Number(state.subjects[SUBJECT]?.heartbeat?.revision ?? 0);
}

function seen(setting: Setting, store: Store): Parameters<typeof stepVoter>[2]['event'] {
  const heartbeat = {
    ...termsOf(setting, store.changed),
    sequence: 0,
    bootId: 'b',
    agentId: 'a',
    promises: [],
    guard: null,
  };
  return { kind: 'heartbeat-seen', subject: SUBJECT, revision: String(store.heartbeat), heartbeat };
}

/** What is on its way to the store goes on; the watch begins anew. */
function restarted(voter: VoterWorld, { nowMs }: World, { protocol }: Setting): VoterWorld {
  const noted = protocol.notedOnDisk(voter.noted);
  const notedVotes: Record<string, string> = noted === null ? {} : { [SUBJECT]: String(noted) };
  const { state } = protocol.startVoter({ node: voter.name, bootId: 'b', notedVotes, steadyMs: 0 }, nowMs);
  return { ...voter, state, noted, noting: null };
}

function takeover(world: World, setting: Setting, add: Add): void {
  const { store } = world;
  const { votesTaken, protocol } = setting;
  const { voters: names } = termsOf(setting, store.changed);
  const voters = world.voters.filter(({ name }) => names.includes(name));
  if (store.fenced) return;
  const votes = voters.filter(({ vote }) => vote !== null && protocol.isAbout(vote, store.heartbeat));
  if (votes.length >= votesTaken) add('X is taken over', { ...world, store: { ...store, fenced: true } });
}

function replace(world: World, index: number, voter: VoterWorld): World {
  return { ...world, voters: world.voters.map((other, at) => (at === index ? voter : other)) };
}
