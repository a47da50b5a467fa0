// Two worlds that behave alike get the same key: times become ages, and ages beyond which nothing changes become one; a heartbeat is
// the newest or an older one; voters have no names. Letters and digits, one each: this is where the search spends its time.
import type { TakeoverTerms } from '../../src/model/authority.ts';
import { type Setting, TICK_MS, SUBJECT, type VoterWorld, type World } from './world.ts';

const DIGIT_0 = 48;

export function keyOf(world: World, setting: Setting): string {
  const { x, nowMs, store } = world;
  const context = { world, oldest: Math.max(setting.takeover, setting.authority) };
  let key = store.fenced ? 'F' : store.heartbeat === 0 ? '0' : '1';
  key += left(world, world.guardUntilMs, setting.fence);
  key += typeof x.untilMs === 'number' ? left(world, x.untilMs, setting.fence) : 'n';
  key += x.token === null ? (x.endedToken === null ? '0' : '2') : '1';
  key += x.doubt.committed.length + x.doubt.abandoned.length > 0 ? 'k' : 'u';
  key += digit(Math.max(0, Math.round((x.dueMs - nowMs) / TICK_MS)));
  for (const sent of x.sent)
    if (isOpen(world, sent.sentMs)) key += age(context, sent.sentMs) + (sent.failed ? 'f' : 's');
  key += ',';
  for (const { sentMs } of x.rounds) if (isOpen(world, sentMs)) key += age(context, sentMs);
  key += `,${places(world, world.requests)},${places(world, world.acks)}`;
  if (setting.changes) return key + changeKey(world, context);
  if (world.voters.length === 1) return key + voterKey(world.voters[0] as VoterWorld, context);
  const voters: string[] = [];
  for (const voter of world.voters) voters.push(voterKey(voter, context));
  return key + voters.sort().join('|');
}

/** With a change of voters it matters who is who, and which terms are in doubt. */
function changeKey(world: World, context: Context): string {
  const { x, changedAt, store, requests } = world;
  const isNew = (terms: TakeoverTerms) =>
    terms === x.wanted?.terms || terms.voters[0] === x.wanted?.terms.voters[0] ? 'B' : 'A';
  let key = changedAt === null ? 'a' : 'b';
  for (const terms of world.noted) key += isNew(terms);
  key += (store.changed ? 'c' : '-') + (x.proved ? 'p' : '-') + (x.renewalAskedMs === null ? '-' : 'r');
  for (const { terms, sinceSequence } of x.doubt.committed) {
    key += isNew(terms) + digit(x.sent.filter(({ sequence }) => sequence < sinceSequence).length);
  }
  key += ',';
  for (const { terms } of x.doubt.abandoned) key += isNew(terms);
  key += ',';
  for (const { terms, sentMs } of x.sent) key += isNew(terms) + (isOpen(world, sentMs) ? 'o' : '-');
  for (const sequence of requests) key += changedAt !== null && sequence >= changedAt ? 'B' : 'A';
  for (const voter of world.voters) {
    const seen = voter.state.subjects[SUBJECT]?.heartbeat?.terms.voters ?? [];
    // One that the newest heartbeat it knows of does not name: it cannot vote, and the next one that names it begins its time anew.
    key += seen.includes(voter.name) ? `|v${voterKey(voter, context)}` : `|-${outsiderKey(voter, world)}`;
  }
  return key;
}

interface Context {
  readonly world: World;
  /** Older than this is as good as this. */
  readonly oldest: number;
}

function voterKey(voter: VoterWorld, context: Context): string {
  const { world } = context;
  let key = givenKey(voter, world);
  const subject = voter.state.subjects[SUBJECT];
  if (subject === undefined) return key;
  const { vote, heartbeat, quietSinceMs } = subject;
  key += `${vote.kind === 'none' ? '-' : vote.kind.slice(0, 5) + which(world, Number(vote.revision))}`;
  if (heartbeat === null) return key;
  key += which(world, Number(heartbeat.revision));
  // Once the vote is on its way it does not matter how long the silence has been; a newer heartbeat begins another one.
  return vote.kind === 'none' || vote.kind === 'earlier' ? key + age(context, quietSinceMs) : key;
}

/** Its promises and votes. */
function givenKey(voter: VoterWorld, world: World): string {
  let key = '';
  for (const round of world.x.rounds) {
    if (!isOpen(world, round.sentMs)) continue;
    key += round.granted.includes(voter.name) ? 'g' : voter.granted.includes(round.round) ? 'p' : '-';
  }
  key += which(world, voter.noted) + which(world, voter.noting);
  return key + which(world, voter.writing) + which(world, voter.vote);
}

function outsiderKey(voter: VoterWorld, world: World): string {
  const key = givenKey(voter, world);
  const vote = voter.state.subjects[SUBJECT]?.vote;
  if (vote === undefined || vote.kind === 'none') return key;
  return key + vote.kind.slice(0, 5) + which(world, Number(vote.revision));
}

/** Nobody ever tells two heartbeats apart that are both not the newest any more. */
function which({ store }: World, revision: number | null): string {
  return revision === null ? '-' : revision === store.heartbeat ? 'n' : 'o';
}

/** Places among the heartbeats that could still give authority. What is too old for it can be committed all the same, one like the other. */
function places(world: World, sequences: readonly number[]): string {
  let key = '';
  for (const { sequence, sentMs } of world.x.sent) {
    if (isOpen(world, sentMs)) key += sequences.includes(sequence) ? 'y' : 'n';
  }
  let old = 0;
  for (const sequence of sequences) {
    if (!world.x.sent.some((sent) => sent.sequence === sequence && isOpen(world, sent.sentMs))) old += 1;
  }
  return key + digit(old);
}

function isOpen({ x, nowMs }: World, sentMs: number): boolean {
  return sentMs + x.config.authorityMs > nowMs;
}

function age({ world, oldest }: Context, atMs: number): string {
  return digit(Math.min(oldest, Math.round((world.nowMs - atMs) / TICK_MS)));
}

function left({ nowMs }: World, untilMs: number, fence: number): string {
  return digit(Math.max(0, Math.round((untilMs - nowMs) / TICK_MS) + fence + 1));
}

function digit(number: number): string {
  return String.fromCharCode(DIGIT_0 + number);
}
