import { expect, test } from 'vitest';
import { testCluster, type TestVm } from '../../test/doubles/failover-cluster.ts';
import { TestInstance } from '../../test/doubles/failover-node.ts';
import { node1 } from '../../test/doubles/owned-vms-node.ts';
import { keys } from '../model/keys.ts';
import { GIBIBYTE } from '../model/units.ts';
import { RecordedStatuses } from './recorded-statuses.ts';

test('a restart is told once, though the view does not know yet that it is recorded', async () => {
  const vm = { name: 'Db', on: 'node1', state: 'running', status: { bootId: 'before' } } as const;
  const { clock, events, owned, store, status } = await node1([vm], { startMs: 60_000 });
  store.stallWatches({ noticed: false });
  for (let times = 0; times < 3; times += 1) {
    owned.lookAtAll();
    await clock.pass(10);
  }
  expect(status('Db')).toMatchObject({ state: 'starting' });
  expect(events.said).toMatchObject([
    { kind: 'vm-restarted', vm: 'Db', reason: 'node1 was restarted; restarted here' },
  ]);
});

const CRASHED: TestVm = { name: 'Db', on: 'node1', state: 'running', status: { bootId: 'before' } };

test('a restart does not wait until the view knows what was recorded, and no record of it is made in vain', async () => {
  const { clock, done, owned, store, status } = await node1([CRASHED]);
  const outcomes: string[] = [];
  const { transact } = store;
  store.transact = async (transaction) => {
    const outcome = await transact.call(store, transaction);
    outcomes.push(outcome.kind);
    return outcome;
  };
  store.stallWatches({ noticed: false });
  for (let times = 0; times < 3; times += 1) {
    owned.lookAtAll();
    await clock.pass(10);
  }
  expect(status('Db')).toMatchObject({ state: 'running', instance: 'qemu-Db' });
  expect(done.filter((what) => /starts|continues/.test(what))).toEqual(['Db starts', 'Db continues']);
  expect(outcomes).toEqual(['applied', 'applied', 'applied']);
});

test('a status that somebody else has written meanwhile stays, and what is next is decided from it', async () => {
  const { clock, done, events, owned, store, status } = await node1([CRASHED]);
  const theirs = { ...status('Db'), state: 'off', reason: 'They say so', settledRequest: 'r7' };
  store.beforeNext = () => store.put({ [keys.vmStatus('Db')]: theirs });
  owned.lookAtAll();
  await clock.pass(3000);
  expect(status('Db')).toEqual(theirs);
  expect([done, events.said]).toEqual([[], []]);
  expect(store.tried).toHaveLength(1);
});

test('while the view does not know it yet, what is refused is not tried without end', async () => {
  const { clock, owned, store, status } = await node1([CRASHED]);
  store.stallWatches({ noticed: false });
  store.put({ [keys.vmStatus('Db')]: { ...status('Db'), reason: 'They say so' } });
  owned.lookAtAll();
  await clock.pass(5000);
  expect(status('Db')?.reason).toBe('They say so');
  // Once for each look, and somebody looks every second.
  expect(store.tried.length).toBeLessThan(8);
});

test.each(['unknown-applied', 'unknown-lost'] as const)(
  'a restart is told once, though the answer to its record is lost (%s)',
  async (mishap) => {
    const { clock, events, owned, store, status } = await node1([CRASHED]);
    store.mishaps.push(mishap);
    owned.lookAtAll();
    await clock.pass(3000);
    expect(status('Db')?.state).toBe('running');
    expect(events.said.map(({ kind }) => kind)).toEqual(['vm-restarted']);
  },
);

test('a guest that has shut itself down is off, though recording that fails at first', async () => {
  const { done, clock, owned, status, store, add, change } = await node1([
    { name: 'Db', on: 'node1', status: { instance: 'qemu-Db', guarded: true } },
  ]);
  const guest = add(new TestInstance('Db', done));
  owned.lookAtAll();
  await clock.pass(100);
  store.beforeNext = () => change('Db', { budgetMs: 70 });
  guest.state = 'shutdown';
  owned.lookAtAll();
  await clock.pass(5000);
  expect(status('Db')).toMatchObject({ state: 'off', reason: 'The guest shut itself down' });
  expect(done).not.toContain('Db starts');
  // Started on another node, brought back by a migration, and crashed: that is no shutdown any more.
  store.put({ [keys.vmOwner('Db')]: { node: 'node2' } });
  await clock.pass(100);
  change('Db', { desired: 'running' });
  store.put({
    [keys.vmOwner('Db')]: { node: 'node1' },
    [keys.vmStatus('Db')]: { ...status('Db'), state: 'running', instance: 'later' },
  });
  await clock.pass(5000);
  expect(done).toContain('Db starts');
});

test('a guest whose migration was closed here is not ended because it cannot go on at once', async () => {
  const { done, clock, authority, owned, status, store, add } = await node1([
    { name: 'Db', on: 'node1', status: { instance: 'qemu-Db', guarded: true } },
  ]);
  add(new TestInstance('Db', done, { state: 'postmigrate' }));
  // Its right to run ends just as that is recorded, and comes back.
  store.beforeNext = () => {
    authority.held = false;
  };
  owned.lookAtAll();
  await clock.pass(3000);
  expect(status('Db')?.state).toBe('running');
  authority.held = true;
  await clock.pass(3000);
  expect(done).toContain('Db continues');
  expect(done).not.toContain('QEMU of Db is killed');
});

test('of a record and of two statuses that the view does not know yet the newest of each is known', async () => {
  const cluster = testCluster([{ name: 'node1', memoryBytes: 16 * GIBIBYTE }], [CRASHED]);
  const entry = cluster.vms.get('Db');
  const [record, status] = [entry?.record.value, entry?.status?.value];
  if (record === undefined || status === undefined) throw new Error('there is no such VM');
  const next = BigInt(cluster.revision) + 100n;
  const recorded = new RecordedStatuses();
  recorded.note('Db', { revision: String(next + 1n), status, record: { ...record, budgetMs: 70 } });
  recorded.note('Db', { revision: String(next + 2n), status: { ...status, reason: 'Newest' }, record: null });
  expect(recorded.newest(cluster, 'Db')).toMatchObject({
    record: { value: { budgetMs: 70 }, modRevision: String(next + 1n) },
    status: { value: { reason: 'Newest' }, modRevision: String(next + 2n) },
  });
});
