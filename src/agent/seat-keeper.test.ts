import { beforeEach, describe, expect, test } from 'vitest';
import { testFacts, testHeartbeat } from '../../test/doubles/cluster-facts.ts';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { MemoryStore } from '../../test/doubles/memory-store.ts';
import type { NewEvent } from '../model/events.ts';
import { keys } from '../model/keys.ts';
import type { StoreSeat, StoreSeats, StoreSnapshots } from '../ports/store-seats.ts';
import { watchCluster } from './cluster-view.ts';
import { keepSeats } from './seat-keeper.ts';

let store: MemoryStore;
let clock: ManualClock;
let list: StoreSeat[];
/** What was done, in order. */
let done: string[];
let said: NewEvent[];
let diskIsFull: boolean;

const addressOf = (name: string) => testFacts(name).addresses[0] ?? '';

const seats: StoreSeats = {
  list: () => Promise.resolve(list),
  health: (all) =>
    Promise.resolve(all.map(({ id }, index) => ({ id, healthy: true, leader: index === 0, appliedIndex: 1000 }))),
  addLearner(address) {
    done.push(`add ${address}`);
    const added = { id: `m${list.length}`, address, name: address, learner: true };
    list = [...list, added];
    return Promise.resolve(added);
  },
  promote(id) {
    done.push(`promote ${id}`);
    list = list.map((seat) => (seat.id === id ? { ...seat, learner: false } : seat));
    return Promise.resolve();
  },
  remove: () => Promise.resolve(),
};

const snapshots: StoreSnapshots = {
  take() {
    done.push('save');
    if (diskIsFull) return Promise.reject(new Error('ENOSPC'));
    return Promise.resolve({ path: '/state/snapshots/1.db', bytes: 20_000 });
  },
};

beforeEach(async () => {
  [store, clock, done, said, diskIsFull] = [new MemoryStore(), new ManualClock(), [], [], false];
  list = [{ id: 'm0', address: addressOf('node1'), name: 'node1', learner: false }];
  for (const name of ['node1', 'node2', 'node3']) {
    store.put({ [keys.nodeFacts(name)]: testFacts(name), [keys.nodeHeartbeat(name)]: testHeartbeat(1) });
  }
  const view = watchCluster(store, clock);
  await view.ready();
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  keepSeats({
    node: 'node1',
    store,
    seats,
    snapshots,
    view,
    events: { say: (event) => void said.push(event) },
    clock,
    log,
  });
});

async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 250) {
    for (const name of ['node1', 'node2', 'node3']) store.put({ [keys.nodeHeartbeat(name)]: testHeartbeat(passed) });
    clock.advance(250);
    for (let turn = 0; turn < 100; turn += 1) await Promise.resolve();
  }
}

describe('the keeper of the seats', () => {
  test('saves the database ahead of every change, and says so', async () => {
    await pass(3000);
    expect(done).toEqual([
      ...['save', `add ${addressOf('node2')}`, 'save', 'promote m1'],
      ...['save', `add ${addressOf('node3')}`, 'save', 'promote m2'],
    ]);
    expect(said.filter(({ kind }) => kind === 'store-saved')).toHaveLength(4);
    expect(said[0]).toMatchObject({
      text: expect.stringContaining('/state/snapshots/1.db') as string,
      critical: false,
    });
  });

  test('goes on where it cannot be saved, and warns: a missing seat is the greater danger', async () => {
    diskIsFull = true;
    await pass(3000);
    expect(done.filter((what) => what.startsWith('promote'))).toEqual(['promote m1', 'promote m2']);
    const [first] = said.filter(({ kind }) => kind === 'store-not-saved');
    expect(first).toMatchObject({ critical: true, reason: expect.stringContaining('ENOSPC') as string });
  });
});
