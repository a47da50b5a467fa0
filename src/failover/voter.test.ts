import { describe, expect, test } from 'vitest';
import type { NodeHeartbeat } from '../model/authority.ts';
import { startVoter, stepVoter, type VoterState } from './voter.ts';
import type { VoterConfig, VoterEffect, VoterEvent } from './voter-types.ts';

const HEARTBEAT: NodeHeartbeat = {
  ...{ voters: ['b', 'c'], votesNeeded: 2, takeoverMs: 7500 },
  ...{ sequence: 1, bootId: 'boot', agentId: 'agent', promises: [], guard: null },
};

class Voter {
  state: VoterState;
  nowMs = 0;
  lastOwnMs = 0;
  effects: VoterEffect[] = [];

  constructor(config: Partial<VoterConfig> = {}) {
    this.state = startVoter({ node: 'b', bootId: 'boot', notedVotes: {}, steadyMs: 2000, ...config }, 0).state;
  }

  send(event: VoterEvent): readonly VoterEffect[] {
    const step = stepVoter(this.state, event, this.nowMs);
    this.state = step.state;
    this.effects.push(...step.effects);
    return step.effects;
  }

  /** Awake ten times a second, with own heartbeats that are committed twice a second. */
  until(nowMs: number, steady = true): VoterEffect[] {
    const before = this.effects.length;
    for (; this.nowMs < nowMs; this.nowMs += 100) {
      if (steady && this.nowMs % 500 === 0) this.send({ kind: 'own-heartbeat', applied: true });
      this.send({ kind: 'tick' });
    }
    this.nowMs = nowMs;
    this.send({ kind: 'tick' });
    return this.effects.slice(before);
  }

  seen(revision: string, heartbeat: Partial<NodeHeartbeat> = {}): void {
    this.send({ kind: 'heartbeat-seen', subject: 'a', revision, heartbeat: { ...HEARTBEAT, ...heartbeat } });
  }

  promise(): boolean {
    const [answer] = this.send({ kind: 'promise-asked', subject: 'a', requestId: 7 });
    return answer?.kind === 'answer-promise' && answer.granted;
  }

  /** A vote is noted and written, and the store takes it. */
  vote(revision: string): void {
    this.send({ kind: 'vote-noted', subject: 'a', revision });
    this.send({ kind: 'vote-answer', subject: 'a', revision, outcome: 'applied' });
  }
}

const NOTE = { kind: 'note-vote', subject: 'a', revision: '5' };
const WRITE = { kind: 'write-vote', subject: 'a', revision: '5' };

describe('a vote', () => {
  test('comes after the silence that the heartbeat itself names, noted before it is written', () => {
    const voter = new Voter();
    voter.seen('5');
    expect(voter.until(7400)).toEqual([]);
    expect(voter.until(7500)).toEqual([NOTE]);
    voter.send({ kind: 'vote-noted', subject: 'a', revision: '5' });
    expect(voter.effects).toEqual([NOTE, WRITE]);
  });

  test('is repeated as long as its outcome is not known', () => {
    const voter = new Voter();
    voter.seen('5');
    voter.until(7500);
    voter.send({ kind: 'vote-noted', subject: 'a', revision: '5' });
    voter.send({ kind: 'vote-answer', subject: 'a', revision: '5', outcome: 'unknown' });
    expect(voter.until(8100)).toEqual([WRITE]);
    expect(voter.promise()).toBe(false);
  });

  test.each([
    ['nobody takes the node over without proof', { takeoverMs: null }],
    ['somebody else votes about it', { voters: ['c', 'd'] }],
  ])('never comes when %s', (_, heartbeat) => {
    const voter = new Voter();
    voter.seen('5', heartbeat);
    expect(voter.until(60_000)).toEqual([]);
  });

  test('does not come while the own heartbeats do not get through, nor until they have for two seconds', () => {
    const voter = new Voter();
    voter.seen('5');
    expect(voter.until(20_000, false)).toEqual([]);
    voter.send({ kind: 'own-heartbeat', applied: false });
    expect(voter.until(21_900)).toEqual([]);
    expect(voter.until(22_200)).toEqual([NOTE]);
  });

  test('a voter that was asleep itself does not count its sleep as the silence of others', () => {
    const voter = new Voter();
    voter.until(3000);
    voter.seen('5');
    voter.nowMs = 30_000;
    voter.send({ kind: 'tick' });
    voter.send({ kind: 'own-heartbeat', applied: true });
    expect(voter.effects).toEqual([]);
  });

  test('an older heartbeat that the watch brings late does not begin the silence anew', () => {
    const voter = new Voter();
    voter.seen('10');
    voter.until(5000);
    voter.seen('9');
    voter.until(7500);
    expect(voter.effects).toEqual([{ ...NOTE, revision: '10' }]);
  });
});

describe('a promise', () => {
  test('begins the silence anew', () => {
    const voter = new Voter();
    voter.seen('5');
    voter.until(7000);
    expect(voter.promise()).toBe(true);
    voter.effects = [];
    expect(voter.until(14_400)).toEqual([]);
    expect(voter.until(14_500)).toEqual([NOTE]);
  });

  test.each(['being noted', 'being written', 'written'])('is refused while a vote is %s', (how) => {
    const voter = new Voter();
    voter.seen('5');
    voter.until(7500);
    if (how !== 'being noted') voter.send({ kind: 'vote-noted', subject: 'a', revision: '5' });
    if (how === 'written') voter.vote('5');
    expect(voter.promise()).toBe(false);
  });

  test('is given again when the node is heard again, and the vote is withdrawn', () => {
    const voter = new Voter();
    voter.seen('5');
    voter.until(7500);
    voter.vote('5');
    voter.seen('6');
    expect(voter.effects.slice(-2)).toEqual([
      { kind: 'note-vote', subject: 'a', revision: null },
      { kind: 'delete-vote', subject: 'a' },
    ]);
    expect(voter.promise()).toBe(true);
  });

  test('is given when the store has refused the vote: it can never count', () => {
    const voter = new Voter();
    voter.seen('5');
    voter.until(7500);
    voter.send({ kind: 'vote-noted', subject: 'a', revision: '5' });
    voter.send({ kind: 'vote-answer', subject: 'a', revision: '5', outcome: 'compare-failed' });
    expect(voter.promise()).toBe(true);
  });

  test('is refused to a node that was fenced, and after it as long as the node is not heard', () => {
    const voter = new Voter();
    voter.seen('5');
    voter.until(7500);
    voter.vote('5');
    voter.send({ kind: 'membership-seen', subject: 'a', state: 'fenced' });
    expect(voter.promise()).toBe(false);
    voter.send({ kind: 'membership-seen', subject: 'a', state: 'member' });
    expect(voter.promise()).toBe(false);
    voter.seen('8');
    expect(voter.promise()).toBe(true);
  });

  test('is given by a voter that has started anew and seen nothing yet', () => {
    expect(new Voter().promise()).toBe(true);
  });
});

describe('a voter that has started anew', () => {
  test('waits for the whole silence', () => {
    const voter = new Voter();
    voter.until(5000);
    voter.seen('5');
    expect(voter.until(12_400)).toEqual([]);
    expect(voter.until(12_500)).toEqual([NOTE]);
  });

  test('keeps to a vote that its disk remembers, until the node is heard', () => {
    const voter = new Voter({ notedVotes: { a: '5' } });
    expect(voter.promise()).toBe(false);
    voter.seen('5');
    expect(voter.promise()).toBe(false);
    voter.seen('12');
    expect(voter.promise()).toBe(true);
    expect(voter.effects).toContainEqual({ kind: 'note-vote', subject: 'a', revision: null });
  });
});
