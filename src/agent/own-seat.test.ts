import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { MemoryStore } from '../../test/doubles/memory-store.ts';
import { keys } from '../model/keys.ts';
import type { StoreSeat, StoreSeats } from '../ports/store-seats.ts';
import { type OwnMember, OwnSeat } from './own-seat.ts';

const ADDRESS = '10.77.0.12';

let store: MemoryStore;
let list: StoreSeat[];
let started: OwnMember[];
let stopped: number;
let notes: Map<string, unknown>;
let errors: number;
const clock = new ManualClock({ sleeps: true });

beforeEach(() => {
  store = new MemoryStore();
  notes = new Map();
  started = [];
  stopped = 0;
  errors = 0;
  list = [];
});

const member = (id: string, more: Partial<StoreSeat> = {}): StoreSeat => ({
  ...{ id, address: ADDRESS, name: 'node2', learner: false, ...more },
});

const seats: StoreSeats = {
  list: () => (list.length === 0 ? Promise.reject(new Error('no leader')) : Promise.resolve(list)),
  health: () => Promise.resolve([]),
  addLearner: () => Promise.reject(new Error('not now')),
  promote: () => Promise.resolve(),
  remove: () => Promise.resolve(),
};

async function follow(members: readonly { readonly name: string; readonly address: string }[]) {
  const seat = new OwnSeat({
    ...{ node: 'node2', members, canHaveSeat: true, clientPort: 2379, clock },
    notes: {
      read: (name) => notes.get(name),
      write: (name, value) => Promise.resolve(void notes.set(name, value)),
    },
    startMember: (own) => {
      started.push(own);
      return Promise.resolve({ stop: () => Promise.resolve(void (stopped += 1)) });
    },
    log: { debug() {}, info() {}, warn() {}, error: () => void (errors += 1) },
  });
  await seat.start();
  const connection = { useMembers: () => undefined, useIdentity: () => undefined };
  seat.follow(Object.assign(store, connection), seats, () => undefined);
  return seat;
}

/** What the keeper of the seats says. */
async function record(...ids: string[]): Promise<void> {
  const members = ids.map((id) => ({ name: 'node2', address: ADDRESS, id, learner: false }));
  store.put({ [keys.storeSeats]: { members, change: null } });
  await settle();
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

const others = [{ name: 'node1', address: '10.77.0.11' }];
const noted = () => (notes.get('store') as { own: OwnMember | null }).own;

describe('this node’s seat in the store', () => {
  test('is taken when the store has given it one, in a directory of its own', async () => {
    await follow(others);
    list = [member('a1')];
    await record('a1');
    expect(started).toMatchObject([{ directory: 'etcd-a1', state: 'existing', id: 'a1' }]);
  });

  test('is given up for good when the store has gone back in time, also while it cannot be settled', async () => {
    const seat = await follow([{ name: 'node2', address: ADDRESS }]);
    await record('a1');
    expect([started.length, stopped]).toEqual([1, 0]);
    seat.giveUp();
    await settle();
    clock.advance(1000);
    await settle();
    expect(stopped).toBe(1);
    list = [member('a1')];
    await record('a1', 'b2');
    clock.advance(5000);
    await settle();
    expect([started.length, stopped]).toEqual([1, 1]);
  });

  test('is a new one after it was removed and given again: the old data are of no use', async () => {
    await follow(others);
    list = [member('a1')];
    await record('a1');
    list = [member('b2')];
    await record('b2');
    expect(started.map(({ directory }) => directory)).toEqual(['etcd-a1', 'etcd-b2']);
    expect(stopped).toBe(1);
  });

  test('stays after the store was restored from a copy, whose record has another id for it', async () => {
    await follow([{ name: 'node2', address: ADDRESS }]);
    list = [member('new')];
    await record('of-the-old-store');
    expect(noted()?.id).toBe('new');
    await record('new');
    expect(started.map(({ directory }) => directory)).toEqual(['etcd']);
    expect(stopped).toBe(0);
  });

  test('is not taken on the word of a record that a restored store does not bear out', async () => {
    await follow(others);
    list = [member('a1', { address: '10.77.0.11', name: 'node1' })];
    await record('of-the-old-store');
    expect(started).toEqual([]);
  });

  test('is settled again when the store could not say who its members are', async () => {
    await follow(others);
    await record('a1');
    expect([started.length, errors]).toEqual([0, 1]);
    list = [member('a1')];
    clock.advance(1000);
    await settle();
    expect(started).toHaveLength(1);
  });
});
