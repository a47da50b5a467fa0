import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../ports/clock.ts';
import type { Compare, Transaction, TransactionOutcome, Write } from '../../ports/store.ts';
import type { SeenEntry } from './etcd-messages.ts';
import {
  type Answer,
  attemptTransaction,
  judgeLost,
  mayRepeat,
  type TransactionSender,
} from './transaction-attempts.ts';

const MARK = ' \t ';

function simulatedClock(): Clock {
  let nowMs = 0;
  const advance = async (ms: number) => {
    nowMs += ms;
  };
  return {
    wallMs: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: advance,
    after: () => () => undefined,
    every: () => () => undefined,
  };
}

/** A store of one process in which messages get lost, arrive late, and others write in between. */
class SimulatedStore {
  revision = 10;
  applications = 0;
  readonly keys = new Map<string, { modRevision: string; text: string }>();
  private readonly transaction: Transaction;

  constructor(transaction: Transaction) {
    this.transaction = transaction;
  }

  put(key: string, text: string): void {
    this.revision += 1;
    this.keys.set(key, { modRevision: String(this.revision), text });
  }

  remove(key: string): void {
    this.revision += 1;
    this.keys.delete(key);
  }

  execute(): Answer {
    const { compare, write } = this.transaction;
    const holds = compare.every(({ key, modRevision }) => (this.keys.get(key)?.modRevision ?? '0') === modRevision);
    if (!holds) return { kind: 'compare-failed', seen: this.seen() };
    this.revision += 1;
    this.applications += 1;
    for (const one of write) {
      if ('put' in one) {
        this.keys.set(one.put, { modRevision: String(this.revision), text: JSON.stringify(one.value) + MARK });
      } else this.keys.delete(one.delete);
    }
    return { kind: 'applied', revision: String(this.revision) };
  }

  seen(): SeenEntry[] {
    return [...this.keys].map(([key, entry]) => ({ key, ...entry }));
  }
}

const KEYS = ['a', 'b', 'c'] as const;
const key = fc.constantFrom(...KEYS);
type Happening =
  | { readonly kind: 'somebody-puts' | 'somebody-deletes'; readonly key: string }
  | { readonly kind: 'late-attempt-arrives' };
const happening: fc.Arbitrary<Happening> = fc.oneof(
  key.map((one) => ({ kind: 'somebody-puts' as const, key: one })),
  key.map((one) => ({ kind: 'somebody-deletes' as const, key: one })),
  fc.constant({ kind: 'late-attempt-arrives' as const }),
);
const fate = fc.constantFrom('answered', 'answer-lost', 'late', 'never', 'not-sent');
const scenario = fc.record({
  present: fc.uniqueArray(key),
  comparedWithNow: fc.uniqueArray(key),
  put: fc.uniqueArray(key),
  deleted: fc.uniqueArray(key),
  attempts: fc.array(fc.record({ fate, before: fc.array(happening, { maxLength: 3 }) }), {
    minLength: 1,
    maxLength: 5,
  }),
  afterwards: fc.array(happening, { maxLength: 6 }),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer Value> ? Value : never;

async function play(plan: Scenario): Promise<{ outcome: TransactionOutcome; store: SimulatedStore }> {
  const write: Write[] = plan.put.map((put) => ({ put, value: 'same for all' }));
  for (const one of plan.deleted) if (!plan.put.includes(one)) write.push({ delete: one });
  const compare: Compare[] = [];
  const store = new SimulatedStore({ compare, write });
  for (const one of plan.present) store.put(one, '"old"');
  for (const one of plan.comparedWithNow) {
    compare.push({ key: one, modRevision: store.keys.get(one)?.modRevision ?? '0' });
  }
  let late = 0;
  const happen = (event: Happening) => {
    // Others write the very same value, only without our mark.
    if (event.kind === 'somebody-puts') store.put(event.key, '"same for all"');
    else if (event.kind === 'somebody-deletes') store.remove(event.key);
    else if (late > 0) {
      late -= 1;
      store.execute();
    }
  };
  const clock = simulatedClock();
  const script = plan.attempts.values();
  const nextFate = async (timeoutMs: number) => {
    const { value } = script.next();
    for (const event of value?.before ?? []) happen(event);
    if (value?.fate !== 'answered') await clock.sleep(timeoutMs);
    return value?.fate ?? 'not-sent';
  };
  const sender: TransactionSender = {
    async write(timeoutMs) {
      const next = await nextFate(timeoutMs);
      if (next === 'answered') return store.execute();
      if (next === 'not-sent') return { kind: 'not-sent', reason: 'refused' };
      if (next === 'answer-lost') store.execute();
      if (next === 'late') late += 1;
      return { kind: 'lost', reason: 'no answer' };
    },
    async look(timeoutMs) {
      return (await nextFate(timeoutMs)) === 'answered' ? store.seen() : undefined;
    },
  };
  const outcome = await attemptTransaction({
    transaction: { compare, write },
    mark: MARK,
    sender,
    clock,
    deadlineMs: 3000,
    memberCount: 3,
  });
  for (const event of plan.afterwards) happen(event);
  while (late > 0) happen({ kind: 'late-attempt-arrives' });
  return { outcome, store };
}

describe('a transaction in a world that loses answers', () => {
  // With compares never twice, either.
  it('was applied when it says so, and never will be when it says that a compare failed', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (plan) => {
        const { outcome, store } = await play(plan);
        if (outcome.kind === 'applied') expect(store.applications).toBeGreaterThan(0);
        if (outcome.kind === 'compare-failed') expect(store.applications).toBe(0);
        const writesSomething = plan.put.length + plan.deleted.length > 0;
        if (plan.comparedWithNow.length > 0 && writesSomething) expect(store.applications).toBeLessThan(2);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('what may be said after a lost answer', () => {
  const handOver: Transaction = {
    compare: [
      { key: 'owner', modRevision: '5' },
      { key: 'intent', modRevision: '6' },
    ],
    write: [{ put: 'owner', value: 'node2' }, { delete: 'intent' }],
  };
  const seen = (owner: string, modRevision: string): SeenEntry => ({ key: 'owner', modRevision, text: owner });

  it('is "applied" at the revision of our value', () => {
    expect(judgeLost(handOver, MARK, [seen(`"node2"${MARK}`, '9')])).toEqual({ kind: 'applied', revision: '9' });
  });

  it('is nothing when the same value was written by somebody else', () => {
    expect(judgeLost(handOver, MARK, [seen('"node2"', '9')])).toBeUndefined();
  });

  it('is "compare failed" when a written key is untouched and another compare can never hold again', () => {
    const owner = seen('"node1"', '5');
    expect(judgeLost(handOver, MARK, [owner])).toEqual({
      kind: 'compare-failed',
      current: [{ key: 'owner', value: 'node1', modRevision: '5' }],
    });
  });

  it('is nothing when the compare that fails could hold again', () => {
    const reserve: Transaction = {
      compare: [
        { key: 'owner', modRevision: '5' },
        { key: 'intent', modRevision: '0' },
      ],
      write: [{ put: 'owner', value: 'node2' }],
    };
    const now = [seen('"node1"', '5'), { key: 'intent', modRevision: '7', text: '1' }];
    expect(judgeLost(reserve, MARK, now)).toBeUndefined();
  });
});

describe('sending again', () => {
  it('is allowed where the first application breaks a compare for ever', () => {
    expect(mayRepeat({ compare: [{ key: 'a', modRevision: '5' }], write: [{ put: 'a', value: 1 }] })).toBe(true);
    expect(mayRepeat({ compare: [{ key: 'a', modRevision: '5' }], write: [{ delete: 'a' }] })).toBe(true);
  });

  it('is allowed where nothing is compared', () => {
    expect(mayRepeat({ compare: [], write: [{ put: 'a', value: 1 }] })).toBe(true);
  });

  it('is not allowed for the creation of a key, which somebody may have deleted since', () => {
    expect(mayRepeat({ compare: [{ key: 'a', modRevision: '0' }], write: [{ put: 'a', value: 1 }] })).toBe(false);
  });

  it('is not allowed where only other keys are compared', () => {
    expect(mayRepeat({ compare: [{ key: 'a', modRevision: '5' }], write: [{ put: 'b', value: 1 }] })).toBe(false);
  });
});
