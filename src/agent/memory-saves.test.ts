import { expect, test } from 'vitest';
import type { TestVm } from '../../test/doubles/failover-cluster.ts';
import { TestInstance } from '../../test/doubles/failover-node.ts';
import { node1 } from '../../test/doubles/owned-vms-node.ts';
import { definitionHash } from '../model/definition-hash.ts';
import { keys } from '../model/keys.ts';
import type { TransactionOutcome } from '../ports/store.ts';
import type { VmRecord, VmRequest } from '../model/vm.ts';

const RUNNING: TestVm = { name: 'Db', on: 'node1', state: 'running', status: { instance: 'qemu-Db' } };
const request = (action: VmRequest['action'], id = 'r'): VmRequest => ({ id, action, at: '2026-01-02T12:00:00.000Z' });

/** The VM runs on node1, and whoever asks for it to be saved is heard at once. */
async function runningDb(state: 'running' | 'paused' = 'running') {
  const node = await node1([{ ...RUNNING, state }]);
  const instance = node.add(new TestInstance('Db', node.done, { state }));
  const record = () => node.store.value<VmRecord>(keys.vmRecord('Db'));
  instance.definitionHash = definitionHash(record()?.definition as VmRecord['definition']);
  await node.clock.pass(1500);
  node.done.length = 0;
  return { ...node, instance, record };
}

test('a guest that is saved is recorded with its file before its QEMU ends, and holds no memory of the node', async () => {
  const { change, clock, done, record, status, store } = await runningDb();
  change('Db', { request: request('save') });
  await clock.pass(2000);
  expect(status('Db')).toMatchObject({ state: 'saved', instance: null, settledRequest: 'r', error: null });
  expect(record()).toMatchObject({ desired: 'off', saved: { path: '/volume/Db-r', sizeBytes: 1000 } });
  expect(record()?.saved?.definitionHash).toBe(definitionHash(record()?.definition as VmRecord['definition']));
  expect(store.value(keys.nodeMemory('node1'))).toMatchObject({ allocations: {} });
  // What was left over goes only now that it is certain that no record names it.
  expect(done).toEqual(['Db is saved to /volume/Db-r', 'QEMU of Db is killed', '/volume/Db-left-over is removed']);
});

test('its next start loads the file, and takes it out of the record before the guest goes on', async () => {
  const { change, clock, done, record, status, store } = await runningDb();
  change('Db', { request: request('save') });
  await clock.pass(2000);
  done.length = 0;
  const kept: boolean[] = [];
  const { transact } = store;
  store.transact = async (transaction) => {
    const outcome = await transact.call(store, transaction);
    kept.push(record()?.saved !== undefined && !done.includes('Db continues'));
    return outcome;
  };
  change('Db', { desired: 'running', request: request('start', 'r2') });
  await clock.pass(2000);
  expect(done.slice(0, 2)).toEqual(['Db starts from /volume/Db-r', 'Db continues']);
  expect(done.at(-1)).toBe('/volume/Db-r is removed');
  expect(kept[0]).toBe(false);
  expect(record()).not.toHaveProperty('saved');
  expect(status('Db')).toMatchObject({ state: 'running', settledRequest: 'r2' });
});

test('though the view is behind, nobody takes the guest that goes on for one beside its file', async () => {
  const { change, clock, done, owned, status, store } = await runningDb();
  change('Db', { request: request('save') });
  await clock.pass(2000);
  change('Db', { desired: 'running', request: request('start', 'r2') });
  await clock.pass(1);
  store.stallWatches({ noticed: false });
  for (let times = 0; times < 5; times += 1) {
    owned.lookAtAll();
    await clock.pass(10);
  }
  expect(status('Db')).toMatchObject({ state: 'running', settledRequest: 'r2' });
  expect(done.filter((what) => what === 'QEMU of Db is killed')).toHaveLength(1);
});

test.each(['running', 'paused'] as const)('a %s guest that could not be saved is as before', async (state) => {
  const { change, clock, done, instance, record, status } = await runningDb(state);
  instance.whileSaved = async () => await Promise.reject(new Error('the volume is full'));
  change('Db', { request: request('save') });
  await clock.pass(2000);
  expect(instance.state).toBe(state);
  expect(status('Db')).toMatchObject({ state, settledRequest: 'r' });
  expect(status('Db')?.error?.message).toContain('the volume is full');
  expect(record()).toMatchObject({ desired: 'running' });
  expect(record()).not.toHaveProperty('saved');
  expect(done.filter((what) => what.includes('is saved to'))).toHaveLength(1);
});

test('something else that is asked for ends it', async () => {
  const { change, clock, done, instance, status } = await runningDb();
  instance.whileSaved = forEver;
  change('Db', { request: request('save') });
  await clock.pass(2000);
  expect(status('Db')).toMatchObject({ state: 'running', settledRequest: null });
  change('Db', { desired: 'off', request: request('turn-off', 'r2') });
  await clock.pass(2000);
  expect(status('Db')).toMatchObject({ state: 'off', settledRequest: 'r2' });
  expect(done).toContain('QEMU of Db is killed');
});

/** The first time that the memory is written. */
function meanwhile(instance: TestInstance, change: () => void): void {
  let changed = false;
  instance.whileSaved = async () => {
    if (!changed) change();
    changed = true;
    return 1000;
  };
}

/** Until something else is asked for. */
const forEver: TestInstance['whileSaved'] = (signal) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

const orderOf = (done: readonly string[]) =>
  done.flatMap((what) => /saved|continues|killed|paused/.exec(what.split(' to ')[0] ?? '')?.[0] ?? []);

test('what has nothing to do with it may change meanwhile', async () => {
  const { change, clock, done, instance, record, status } = await runningDb();
  meanwhile(instance, () => change('Db', { budgetMs: 70 }));
  change('Db', { request: request('save') });
  await clock.pass(5000);
  expect(status('Db')).toMatchObject({ state: 'saved' });
  expect(record()).toMatchObject({ budgetMs: 70, saved: { sizeBytes: 1000 } });
  expect(orderOf(done)).toEqual(['saved', 'killed']);
});

test('whoever has let the guest go on has written its status: what was saved is worth nothing, and is saved anew', async () => {
  const { change, clock, done, instance, status, store } = await runningDb();
  meanwhile(instance, () => store.put({ [keys.vmStatus('Db')]: status('Db') }));
  change('Db', { request: request('save') });
  await clock.pass(10_000);
  expect(status('Db')).toMatchObject({ state: 'saved' });
  expect(orderOf(done)).toEqual(['saved', 'continues', 'saved', 'killed']);
});

test.each<TransactionOutcome>([
  { kind: 'compare-failed', current: [] },
  { kind: 'unknown', reason: 'no answer' },
])('a guest that could not be saved goes on, also when the proof that it may is $kind', async (outcome) => {
  const { change, clock, instance, status, store } = await runningDb();
  const { transact } = store;
  instance.whileSaved = async () => {
    let mishaps = 2;
    store.transact = async (transaction) => {
      mishaps -= 1;
      return mishaps >= 0 ? outcome : await transact.call(store, transaction);
    };
    return await Promise.reject(new Error('the volume is full'));
  };
  change('Db', { request: request('save') });
  await clock.pass(10_000);
  expect(instance.state).toBe('running');
  expect(status('Db')).toMatchObject({ state: 'running', settledRequest: 'r' });
  expect(status('Db')?.error?.message).toContain('the volume is full');
});

test.each(['shutdown', 'reset'] as const)(
  'a %s that is asked for instead finds a guest that hears it',
  async (action) => {
    const { change, clock, done, instance } = await runningDb();
    instance.whileSaved = forEver;
    change('Db', { request: request('save') });
    await clock.pass(2000);
    change('Db', { request: request(action, 'r2') });
    await clock.pass(2000);
    const heard = action === 'reset' ? 'Db is reset' : 'Db is asked to shut down';
    expect(done).toContain('Db continues');
    expect(done.indexOf(heard)).toBeGreaterThan(done.indexOf('Db continues'));
  },
);

test('a volume that hangs keeps no VM that is loaded from being turned off, and its memory stays', async () => {
  const { change, clock, hangs, record, status } = await runningDb();
  change('Db', { request: request('save') });
  await clock.pass(2000);
  hangs.volume = true;
  change('Db', { desired: 'running', request: request('start', 'r2') });
  await clock.pass(2000);
  expect(status('Db')).toMatchObject({ settledRequest: 'r' });
  change('Db', { desired: 'off', request: request('turn-off', 'r3') });
  await clock.pass(2000);
  expect(status('Db')).toMatchObject({ state: 'off', settledRequest: 'r3' });
  expect(record()?.saved).toBeDefined();
});

test('a guest that was saved under other hardware is not started from there', async () => {
  const { change, clock, done, record, status } = await runningDb();
  change('Db', { request: request('save') });
  await clock.pass(2000);
  done.length = 0;
  const definition = { ...(record()?.definition as VmRecord['definition']), cpus: 2 };
  change('Db', { definition, desired: 'running', request: request('start', 'r2') });
  await clock.pass(2000);
  expect(status('Db')).toMatchObject({ state: 'failed', settledRequest: 'r2', error: { code: 'VM_STATE_UNSUITABLE' } });
  expect(record()?.saved).toBeDefined();
  expect(done).toEqual([]);
});
