import { expect, test } from 'vitest';
import type { TestVm } from '../../test/doubles/failover-cluster.ts';
import { TestInstance } from '../../test/doubles/failover-node.ts';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { node1 } from '../../test/doubles/owned-vms-node.ts';
import { keys } from '../model/keys.ts';
import { MEBIBYTE } from '../model/units.ts';
import type { VmOwner } from '../model/vm.ts';

const TO_START = { state: 'starting', status: { instance: null } } as const;

test('a recovered VM starts paused, is recorded, and only then continues', async () => {
  const { done, clock, owned, store, status } = await node1([{ name: 'Db', on: 'node1', ...TO_START }]);
  const recorded: string[] = [];
  const { transact } = store;
  store.transact = async (transaction) => {
    const outcome = await transact.call(store, transaction);
    recorded.push(`${status('Db')?.state}, ${done.includes('Db continues') ? 'continued' : 'not continued'}`);
    return outcome;
  };
  owned.lookAtAll();
  await clock.pass(2000);
  expect(recorded).toEqual(['starting, not continued', 'running, continued']);
  expect(status('Db')).toMatchObject({ state: 'running', instance: 'qemu-Db', guarded: true });
  // Bridges may remember it on its former node.
  expect(done).toContain('Db is announced');
});

test('starts take turns: four at once, important ones first', async () => {
  const low = ['Low1', 'Low2', 'Low3', 'Low4', 'Low5'].map((name): TestVm => {
    return { name, on: 'node1', ...TO_START, availability: { priority: 'low' } };
  });
  const high = { name: 'High', on: 'node1', ...TO_START, availability: { priority: 'high' } } as const;
  const { done, clock, owned, under, status } = await node1([...low, high], { startMs: 500 });
  owned.lookAtAll();
  await clock.pass(100);
  expect(done).toHaveLength(4);
  expect(done[0] === 'High starts' || done.includes('High starts')).toBe(true);
  await clock.pass(3000);
  expect(under.most).toBe(4);
  for (const { name } of [...low, high]) expect(status(name)?.state).toBe('running');
});

test("a VM that gets another owner while it waits for its turn takes nobody else's", async () => {
  const names = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'Last'];
  const vms = names.map((name): TestVm => {
    const priority = name === 'Last' ? 'low' : 'high';
    return { name, on: 'node1', ...TO_START, memoryBytes: 64 * MEBIBYTE, availability: { priority } };
  });
  const { clock, owned, store, status } = await node1(vms, { startMs: 500 });
  owned.lookAtAll();
  await clock.pass(100);
  for (const vm of ['E', 'F', 'G', 'H']) store.put({ [keys.vmOwner(vm)]: { node: 'node2' } });
  await clock.pass(3000);
  expect(status('Last')?.state).toBe('running');
});

test('without authority a highly available VM is neither started nor continued', async () => {
  const { done, clock, owned, authority, store } = await node1([{ name: 'Db', on: 'node1', ...TO_START }]);
  authority.held = false;
  owned.lookAtAll();
  await clock.pass(3000);
  expect([done, store.tried]).toEqual([[], []]);
});

test('nor when authority ends while its start is being recorded', async () => {
  const { done, clock, owned, authority, store, add } = await node1([{ name: 'Db', on: 'node1', ...TO_START }]);
  add(new TestInstance('Db', done, { state: 'prelaunch' }));
  store.beforeNext = () => {
    authority.held = false;
  };
  owned.lookAtAll();
  await clock.pass(3000);
  expect(done).not.toContain('Db continues');
});

test('nor while it is being proven, though authority is there', async () => {
  const { done, clock, owned, suspendedVms, store, add } = await node1([{ name: 'Db', on: 'node1', ...TO_START }]);
  add(new TestInstance('Db', done, { state: 'prelaunch' }));
  store.beforeNext = () => void suspendedVms.add('Db');
  owned.lookAtAll();
  await clock.pass(3000);
  expect(done).not.toContain('Db continues');
  suspendedVms.clear();
  await clock.pass(2000);
  expect(done).toContain('Db continues');
});

test('a guest that was paused because authority ended is not recorded as paused', async () => {
  const { done, clock, owned, suspendedVms, status, add } = await node1([{ name: 'Db', on: 'node1' }]);
  const guest = add(new TestInstance('Db', done));
  guest.beforeRunState = () => {
    suspendedVms.add('Db');
    guest.state = 'paused';
  };
  owned.lookAtAll();
  await clock.pass(2000);
  expect(status('Db')?.state).toBe('running');
});

test("a start whose record cannot be written does not continue: the VM may be somebody else's by now", async () => {
  const { done, clock, owned, store, add } = await node1([{ name: 'Db', on: 'node1', ...TO_START }]);
  add(new TestInstance('Db', done, { state: 'prelaunch' }));
  store.beforeNext = () => store.put({ [keys.vmOwner('Db')]: { node: 'node2' } });
  owned.lookAtAll();
  await clock.pass(3000);
  expect(done).not.toContain('Db continues');
});

test('a start that was under way while the VM got another owner leaves no QEMU behind', async () => {
  const { done, clock, owned, store, started } = await node1([{ name: 'Db', on: 'node1', ...TO_START }], {
    startMs: 500,
  });
  owned.lookAtAll();
  await clock.pass(100);
  store.put({ [keys.vmOwner('Db')]: { node: 'node2' } });
  await clock.pass(3000);
  expect(done).toEqual(['Db starts', 'QEMU of Db is killed']);
  expect(started.map(({ alive }) => alive)).toEqual([false]);
});

test('a QEMU here is left alone while its VM is being migrated, or the store does not say so itself', async () => {
  const { clock, owned, store, add, done } = await node1([{ name: 'Db', on: 'node2' }]);
  const guest = add(new TestInstance('Db', done));
  store.put({ [keys.vmIntent('Db')]: { vm: 'Db', source: 'node2', destination: 'node1' } });
  await clock.pass(2000);
  store.list = () => Promise.reject(new Error('the store does not answer'));
  store.put({ [keys.vmIntent('Db')]: undefined });
  owned.lookAtAll();
  await clock.pass(2000);
  expect(guest.alive).toBe(true);
});

test('a VM that became highly available is recorded as guarded only once its process is in the group', async () => {
  const vm: TestVm = { name: 'Db', on: 'node1', status: { instance: 'qemu-Db', guarded: false } };
  const { done, clock, owned, store, status, add } = await node1([vm]);
  add(new TestInstance('Db', done, { pid: 7 }));
  let movedBefore: boolean | null = null;
  store.beforeNext = () => {
    movedBefore = done.includes('7 is moved to ha-vms/Db');
  };
  owned.lookAtAll();
  await clock.pass(2000);
  expect([movedBefore, status('Db')?.guarded]).toEqual([true, true]);
});

test('one that is highly available no longer leaves the group only after that is recorded', async () => {
  const vm: TestVm = { name: 'Db', on: 'node1', status: { instance: 'qemu-Db', guarded: true } };
  const { done, clock, owned, store, status, add, change } = await node1([vm]);
  add(new TestInstance('Db', done, { pid: 7 }));
  change('Db', { highlyAvailable: false });
  store.mishaps.push('unknown-lost');
  const left = '7 is moved to other-vms/Db';
  const seen: unknown[] = [];
  const { transact } = store;
  store.transact = async (transaction) => {
    const outcome = await transact.call(store, transaction);
    seen.push([outcome.kind, done.includes(left)]);
    return outcome;
  };
  owned.lookAtAll();
  await clock.pass(3000);
  expect(seen).toEqual([
    ['unknown', false],
    ['applied', false],
  ]);
  expect([status('Db')?.guarded, done.includes(left)]).toEqual([false, true]);
});

test('a VM that has failed here too often is moved elsewhere, and that is said although the answer is lost', async () => {
  const at = new Date(new ManualClock().wallMs()).toISOString();
  const restarts = { here: 1, elsewhere: 0, since: at, failedOn: ['node1'] };
  const { clock, owned, store, events, done } = await node1([
    { name: 'Db', on: 'node1', state: 'starting', status: { instance: null, restarts } },
  ]);
  store.mishaps.push('unknown-applied');
  owned.lookAtAll();
  await clock.pass(1000);
  expect(store.value<VmOwner>(keys.vmOwner('Db'))?.node).not.toBe('node1');
  expect(events.said.map(({ kind }) => kind)).toEqual(['vm-moved']);
  expect(done).toEqual([]);
});

test('looks that are put off do not pile up', async () => {
  const now = new Date(new ManualClock().wallMs()).toISOString();
  const restarts = { here: 3, elsewhere: 0, since: now, failedOn: [] };
  const { clock, owned } = await node1([
    {
      ...{ name: 'Db', on: 'node1', state: 'starting' },
      status: { instance: null, since: now, restarts },
    },
  ]);
  for (let times = 0; times < 50; times += 1) {
    owned.lookAtAll();
    await clock.pass(10);
  }
  expect(clock.timers).toBeLessThan(4);
});

const asked = (action: 'pause' | 'resume' | 'reset') => ({
  request: { id: 'r1', action, at: '2026-01-01T00:00:00.000Z' },
});

test('a guest is paused, and stays so however often it is looked at', async () => {
  const { done, clock, owned, status, add, change } = await node1([{ name: 'Db', on: 'node1' }]);
  add(new TestInstance('Db', done));
  change('Db', asked('pause'));
  owned.lookAtAll();
  await clock.pass(5000);
  expect(status('Db')).toMatchObject({ state: 'paused', settledRequest: 'r1', error: null });
  expect(done.filter((what) => what === 'Db is paused')).toHaveLength(1);
  expect(done).not.toContain('Db continues');
});

test('a paused guest goes on once it is proven that the VM is still here, and never otherwise', async () => {
  const { done, clock, owned, status, store, add, change } = await node1([
    { name: 'Db', on: 'node1', state: 'paused' },
    { name: 'Gone', on: 'node1', state: 'paused' },
  ]);
  for (const vm of ['Db', 'Gone']) {
    add(new TestInstance(vm, done, { state: 'paused' }));
    change(vm, asked('resume'));
  }
  const { transact } = store;
  store.transact = async (transaction) => {
    // Somebody is faster, just as its right is to be proven.
    if (JSON.stringify(transaction).includes(keys.vmStatus('Gone')))
      store.put({ [keys.vmOwner('Gone')]: { node: 'node2' } });
    return await transact.call(store, transaction);
  };
  owned.lookAtAll();
  await clock.pass(5000);
  expect(status('Db')).toMatchObject({ state: 'running', settledRequest: 'r1' });
  expect(done).toContain('Db continues');
  expect(done).not.toContain('Gone continues');
});

test('a guest is reset once for a request, though recording that fails at first', async () => {
  const { done, clock, owned, status, store, add, change } = await node1([{ name: 'Db', on: 'node1' }]);
  add(new TestInstance('Db', done));
  change('Db', asked('reset'));
  store.beforeNext = () => change('Db', { budgetMs: 70 });
  owned.lookAtAll();
  await clock.pass(5000);
  expect(status('Db')).toMatchObject({ state: 'running', settledRequest: 'r1' });
  expect(done.filter((what) => what === 'Db is reset')).toHaveLength(1);
});
