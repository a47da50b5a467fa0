import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TakeoverTerms } from '../model/authority.ts';
import { type AuthorityState, startAuthority, stepAuthority } from './authority.ts';
import type { AuthorityConfig, AuthorityEffect, AuthorityEvent } from './authority-types.ts';

const TERMS: TakeoverTerms = { voters: ['b', 'c'], votesNeeded: 2, takeoverMs: 7500 };
const NEVER: TakeoverTerms = { ...TERMS, takeoverMs: null };
const CONFIG: AuthorityConfig = {
  ...{ node: 'a', bootId: 'boot', agentId: 'agent', firstSequence: 1 },
  ...{ heartbeatMs: 500, attemptMs: 400, authorityMs: 3500, askAfterMs: 1000, askEveryMs: 500 },
  ...{ notedTerms: [TERMS], guarded: true },
};

type Heartbeat = Extract<AuthorityEffect, { kind: 'heartbeat' }>;

/** A node's agent: what the reducer says is kept, and answered only as the test says. */
class Node {
  state: AuthorityState;
  nowMs = 0;
  untilMs: number | null | undefined;
  effects: AuthorityEffect[] = [];
  wakeAtMs: number;

  constructor(config: Partial<AuthorityConfig> = {}) {
    const started = startAuthority({ ...CONFIG, ...config }, 0);
    this.state = started.state;
    this.wakeAtMs = started.wakeAtMs;
    this.#take(started.effects);
  }

  send(event: AuthorityEvent): readonly AuthorityEffect[] {
    const step = stepAuthority(this.state, event, this.nowMs);
    this.state = step.state;
    this.wakeAtMs = step.wakeAtMs;
    this.#take(step.effects);
    return step.effects;
  }

  #take(effects: readonly AuthorityEffect[]): void {
    this.effects.push(...effects);
    for (const effect of effects) if (effect.kind === 'authority') this.untilMs = effect.untilMs;
  }

  terms(terms: TakeoverTerms): void {
    this.send({ kind: 'terms', terms, more: { guard: null, promises: [] } });
  }

  /** To that time, awake whenever something is due. */
  until(nowMs: number): void {
    while (this.wakeAtMs <= nowMs) {
      this.nowMs = this.wakeAtMs;
      this.send({ kind: 'tick' });
    }
    this.nowMs = nowMs;
    this.send({ kind: 'tick' });
  }

  heartbeats(): Heartbeat[] {
    return this.effects.filter((effect) => effect.kind === 'heartbeat');
  }

  last(): Heartbeat {
    return this.heartbeats().at(-1) as Heartbeat;
  }

  answer(outcome: 'applied' | 'fenced' | 'unknown', sequence = this.last().heartbeat.sequence): void {
    this.send({ kind: 'heartbeat-answer', sequence, outcome });
  }

  noted(): void {
    const noteId = this.state.notes.writing?.noteId;
    if (noteId !== undefined) this.send({ kind: 'terms-noted', noteId });
  }

  count(kind: AuthorityEffect['kind']): number {
    return this.effects.filter((effect) => effect.kind === kind).length;
  }
}

/** A member whose first heartbeat is on its way at time 0. */
function member(config: Partial<AuthorityConfig> = {}): Node {
  const node = new Node(config);
  node.send({ kind: 'guard-deadline', untilMs: -1 });
  node.terms(TERMS);
  node.noted();
  node.send({ kind: 'membership', token: '10' });
  return node;
}

describe('heartbeats', () => {
  test('authority counts from before the heartbeat was sent, and only once it is committed', () => {
    const node = member();
    expect(node.untilMs).toBeUndefined();
    node.nowMs = 300;
    node.answer('applied');
    expect(node.untilMs).toBe(3500);
  });

  test('a late acknowledgement of an older heartbeat counts with its own time', () => {
    const node = member();
    node.until(450);
    expect(node.heartbeats().map(({ heartbeat }) => heartbeat.sequence)).toEqual([1, 2]);
    node.answer('unknown', 1);
    node.answer('applied', 1);
    expect(node.untilMs).toBe(3500);
    node.answer('applied', 2);
    expect(node.untilMs).toBe(3900);
  });

  test('no answer is no acknowledgement, and the next attempt follows at once', () => {
    const node = member();
    node.nowMs = 50;
    node.answer('unknown');
    node.until(100);
    expect(node.heartbeats()).toHaveLength(2);
    expect(node.untilMs).toBeUndefined();
  });

  test('one every half second while they are acknowledged', () => {
    const node = member();
    for (let nowMs = 0; nowMs < 10_000; nowMs += 10) {
      node.until(nowMs);
      if (node.state.sent.length > 0) node.answer('applied');
    }
    expect(node.heartbeats()).toHaveLength(20);
    expect(node.count('ask-promises')).toBe(0);
  });

  test('the moved fencing token ends authority, until the node is a member again under a new one', () => {
    const node = member();
    node.answer('applied');
    node.until(500);
    node.answer('fenced');
    expect(node.count('fenced')).toBe(1);
    node.send({ kind: 'membership', token: '10' });
    node.until(5000);
    expect(node.heartbeats()).toHaveLength(2);
    node.send({ kind: 'membership', token: '20' });
    expect(node.last().token).toBe('20');
  });

  test('a step that changes nothing keeps the state', () => {
    const node = member();
    const before = node.state;
    node.nowMs = 10;
    node.send({ kind: 'tick' });
    expect(node.state).toBe(before);
  });
});

describe('promises', () => {
  test('are asked for a second after the last acknowledgement, and count from the asking', () => {
    const node = member();
    node.answer('applied');
    node.until(1200);
    const asked = node.effects.find((effect) => effect.kind === 'ask-promises');
    expect(asked).toMatchObject({ voters: ['b', 'c'] });
    node.send({ kind: 'promise', round: 1, voter: 'c', granted: true });
    expect(node.untilMs).toBe(4500);
  });

  test('keep a node alive for as long as they come', () => {
    const node = member();
    node.answer('applied');
    for (let nowMs = 0; nowMs < 60_000; nowMs += 100) {
      node.until(nowMs);
      node.send({ kind: 'promise', round: node.state.lastRound, voter: 'b', granted: true });
    }
    expect(node.untilMs).toBeGreaterThan(60_000);
  });

  test('are needed from a quorum under every terms that the newest heartbeat may have', () => {
    const node = member();
    node.answer('applied');
    const other: TakeoverTerms = { voters: ['d', 'e'], votesNeeded: 2, takeoverMs: 7500 };
    node.terms(other);
    node.noted();
    node.nowMs = 100;
    node.send({ kind: 'tick' });
    expect(node.last().heartbeat.voters).toEqual(['d', 'e']);
    node.until(1500);
    const round = node.state.lastRound;
    node.send({ kind: 'promise', round, voter: 'b', granted: true });
    expect(node.untilMs).toBe(3500);
    node.send({ kind: 'promise', round, voter: 'e', granted: true });
    expect(node.untilMs).toBeGreaterThan(3500);
  });

  test('count for an agent that has started anew, under the terms that the earlier one noted', () => {
    const node = new Node();
    node.terms(TERMS);
    node.until(1000);
    node.send({ kind: 'promise', round: 1, voter: 'b', granted: true });
    expect(node.untilMs).toBe(4500);
  });

  test('count for nothing when nobody knows what the earlier agent sent', () => {
    const node = new Node({ notedTerms: null });
    node.terms(TERMS);
    node.until(3000);
    node.send({ kind: 'promise', round: 1, voter: 'b', granted: true });
    expect(node.untilMs).toBeUndefined();
  });

  test('count for nothing once the node knows that it is fenced', () => {
    const node = member();
    node.answer('applied');
    node.until(1000);
    node.send({ kind: 'membership', token: null });
    node.send({ kind: 'promise', round: node.state.lastRound, voter: 'b', granted: true });
    expect(node.untilMs).toBe(3500);
  });
});

describe('terms', () => {
  test('no heartbeat with new terms goes out before they are noted, and the note has the old ones too', () => {
    const node = member();
    node.answer('applied');
    const other = { ...TERMS, takeoverMs: 9000 };
    node.terms(other);
    const note = node.effects.findLast((effect) => effect.kind === 'note-terms');
    expect(note?.terms).toEqual([TERMS, other]);
    node.until(1000);
    expect(node.last().heartbeat.takeoverMs).toBe(7500);
    node.noted();
    expect(node.last().heartbeat.takeoverMs).toBe(9000);
  });

  test('an abandoned heartbeat with other terms keeps them in doubt, until the fencing token is renewed', () => {
    const node = member();
    node.answer('applied');
    node.until(500);
    node.answer('unknown', 2);
    const other = { ...TERMS, takeoverMs: 9000 };
    node.terms(other);
    node.noted();
    for (let nowMs = 600; nowMs < 6000; nowMs += 100) {
      node.until(nowMs);
      if (node.last().heartbeat.takeoverMs === 9000) node.answer('applied');
    }
    expect(node.effects).toContainEqual({ kind: 'renew-token', token: '10' });
    node.send({ kind: 'membership', token: '11' });
    node.answer('applied');
    node.noted();
    expect(node.state.notes.noted).toEqual([other]);
    expect(node.count('fenced')).toBe(0);
  });

  test('the own renewal of the token is not taken for a fencing', () => {
    const node = member({ notedTerms: [{ ...TERMS, takeoverMs: 9000 }, TERMS] });
    node.answer('applied');
    expect(node.count('renew-token')).toBe(1);
    node.until(500);
    node.answer('fenced');
    expect(node.count('fenced')).toBe(0);
    node.send({ kind: 'membership', token: '11' });
    node.until(700);
    expect(node.last().token).toBe('11');
  });
});

describe('authority without end', () => {
  const unarmed = (): Node => {
    const node = new Node({ notedTerms: [] });
    node.terms(NEVER);
    node.noted();
    node.send({ kind: 'membership', token: '10' });
    return node;
  };

  test('begins when nobody can vote, by whatever heartbeat', () => {
    const node = unarmed();
    expect(node.untilMs).toBeUndefined();
    node.answer('applied');
    expect(node.untilMs).toBeNull();
  });

  test('does not begin while a heartbeat with a takeover time may be the newest', () => {
    const node = member();
    node.answer('applied');
    node.until(500);
    node.terms(NEVER);
    node.noted();
    node.until(700);
    expect(node.heartbeats().map(({ heartbeat }) => heartbeat.takeoverMs)).toEqual([7500, 7500, null]);
    node.answer('applied', 3);
    expect(node.untilMs).toBe(4100);
    node.answer('applied', 2);
    node.until(1200);
    node.answer('applied');
    // The noted terms of an earlier agent are in doubt until the token changes.
    node.send({ kind: 'membership', token: '11' });
    node.until(1300);
    node.answer('applied');
    expect(node.untilMs).toBeNull();
  });

  test('ends before the first heartbeat with a takeover time: the guard must have an end time first', () => {
    const node = unarmed();
    node.answer('applied');
    node.until(400);
    node.terms(TERMS);
    expect(node.untilMs).toBe(3900);
    node.noted();
    node.until(1000);
    node.answer('applied');
    expect(node.last().heartbeat.takeoverMs).toBeNull();
    node.send({ kind: 'guard-deadline', untilMs: 3800 });
    expect(node.last().heartbeat.takeoverMs).toBeNull();
    node.send({ kind: 'guard-deadline', untilMs: 3900 });
    node.noted();
    node.until(1500);
    expect(node.last().heartbeat.takeoverMs).toBe(7500);
    expect(node.untilMs).toBeLessThanOrEqual(5000);
  });
});

test('whatever happens, authority rests on a heartbeat that was acknowledged or on promises of one round', () => {
  const events = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 1500 }) }),
      fc.record({
        kind: fc.constant('answer' as const),
        back: fc.integer({ min: 0, max: 4 }),
        outcome: fc.constantFrom('applied' as const, 'unknown' as const),
      }),
      fc.record({
        kind: fc.constant('promise' as const),
        back: fc.integer({ min: 0, max: 3 }),
        voter: fc.constantFrom('b', 'c'),
      }),
    ),
    { maxLength: 60 },
  );
  const check = (list: typeof events extends fc.Arbitrary<infer T> ? T : never) => {
    const node = member();
    const proofs = new Set<number>();
    const asked = new Map<number, number>();
    let known = 0;
    for (const event of list) {
      if (event.kind === 'wait') node.until(node.nowMs + event.ms);
      for (; known < node.effects.length; known += 1) {
        const effect = node.effects[known] as AuthorityEffect;
        if (effect.kind === 'ask-promises') asked.set(effect.round, node.nowMs);
      }
      if (event.kind === 'answer') {
        const heartbeat = node.heartbeats().at(-1 - event.back);
        if (heartbeat === undefined) continue;
        if (event.outcome === 'applied') proofs.add(heartbeat.deadlineMs - CONFIG.attemptMs + CONFIG.authorityMs);
        node.answer(event.outcome, heartbeat.heartbeat.sequence);
      } else if (event.kind === 'promise') {
        const round = node.state.rounds.at(-1 - event.back);
        if (round === undefined) continue;
        proofs.add(round.sentMs + CONFIG.authorityMs);
        node.send({ kind: 'promise', round: round.round, voter: event.voter, granted: true });
      }
      if (typeof node.untilMs === 'number') expect(proofs).toContain(node.untilMs);
      expect(node.state.sent.filter(({ failed, sentMs }) => !failed && node.nowMs < sentMs + 400).length).toBeLessThan(
        3,
      );
    }
  };
  fc.assert(fc.property(events, check), { numRuns: 200 });
});
