import { describe, expect, test } from 'vitest';
import { testIntent, vmEntries } from '../../test/doubles/cluster-facts.ts';
import { TestInstance } from '../../test/doubles/failover-node.ts';
import { suspendedNode as node } from '../../test/doubles/suspended-node.ts';
import { keys } from '../model/keys.ts';
import type { VmRecord, VmStatus } from '../model/vm.ts';

function ordinary(vm: string): Record<string, unknown> {
  const entries = vmEntries(vm, 'running');
  const record = entries[keys.vmRecord(vm)] as VmRecord;
  return { ...entries, [keys.vmRecord(vm)]: { ...record, highlyAvailable: false } };
}

test('at the end of authority every highly available guest is paused, and no other', async () => {
  const { done, authority, events, suspended, run, vm } = await node({
    ...{ ...vmEntries('Db', 'running'), ...vmEntries('Web', 'running'), ...ordinary('Test') },
  });
  vm('Db');
  vm('Web');
  run(new TestInstance('Test', done), { guarded: false });
  authority.say('ended');
  expect(done).toEqual(['Db is paused', 'Web is paused']);
  expect(suspended.isSuspended('Test')).toBe(false);
  expect(events.said.map(({ kind, text }) => [kind, text])).toEqual([
    ['authority-ended', 'node1 lost its right to run VMs; what stands still there: Db, Web.'],
  ]);
});

test('each VM is held by itself before the guard lets all of them go, and continues after the write that proves it', async () => {
  const { done, clock, store, hold, back, vm, suspended } = await node(vmEntries('Db', 'running'));
  const guest = vm('Db');
  await hold();
  const before = store.tried.length;
  back();
  expect(done).toEqual(['Db is paused', 'Db is held', 'guard extends']);
  await clock.pass(300);
  expect(done.slice(3)).toEqual(['Db is thawed', 'Db continues']);
  expect(store.tried[before]?.compare.map(({ key }) => key)).toContain(keys.vmOwner('Db'));
  expect(store.tried[before]?.write).toHaveLength(1);
  expect([guest.state, suspended.isSuspended('Db')]).toEqual(['running', false]);
});

test('a VM that moved is ended frozen and never let go', async () => {
  const { done, clock, store, hold, back, vm, slices, suspended } = await node(vmEntries('Db', 'running'));
  vm('Db');
  await hold();
  store.put({ [keys.vmOwner('Db')]: { node: 'node2' } });
  back();
  await clock.pass(500);
  expect(done.slice(3)).toEqual(['Db is killed', 'QEMU of Db is killed']);
  expect(slices.held).toEqual(new Set(['Db']));
  expect(suspended.isSuspended('Db')).toBe(false);
});

test('a VM that moved and cannot be killed stays frozen, and is tried again', async () => {
  const { done, clock, store, hold, back, vm, slices, suspended } = await node(vmEntries('Db', 'running'));
  vm('Db');
  await hold();
  store.put({ [keys.vmOwner('Db')]: undefined });
  slices.unkillable.add('Db');
  back();
  await clock.pass(500);
  expect(suspended.isSuspended('Db')).toBe(true);
  slices.unkillable.clear();
  await clock.pass(500);
  expect(suspended.isSuspended('Db')).toBe(false);
  expect(done).not.toContain('Db is thawed');
});

test.each(['unknown-applied', 'unknown-lost'] as const)(
  'a VM whose proof has no answer stays frozen until one has (%s)',
  async (mishap) => {
    const { done, clock, store, hold, back, vm } = await node(vmEntries('Db', 'running'));
    vm('Db');
    await hold();
    store.mishaps.push(mishap);
    back();
    await clock.pass(100);
    expect(done).not.toContain('Db is thawed');
    await clock.pass(300);
    expect(done.filter((what) => what === 'Db is thawed')).toHaveLength(1);
  },
);

test('the proof writes back nothing that somebody else has changed meanwhile', async () => {
  const { clock, store, hold, back, vm } = await node(vmEntries('Db', 'running'));
  vm('Db');
  await hold();
  const status = store.value<VmStatus>(keys.vmStatus('Db'));
  store.beforeNext = () => store.put({ [keys.vmStatus('Db')]: { ...status, settledRequest: 'r1' } });
  back();
  await clock.pass(500);
  expect(store.value<VmStatus>(keys.vmStatus('Db'))?.settledRequest).toBe('r1');
});

test('while the store is away nothing is let go, however long', async () => {
  const { done, clock, store, hold, back, vm } = await node(vmEntries('Db', 'running'));
  vm('Db');
  await hold();
  store.setQuorum(false);
  back();
  await clock.pass(10_000, 100);
  expect(done).not.toContain('Db is thawed');
  store.setQuorum(true);
  await clock.pass(500);
  expect(done).toContain('Db continues');
});

test('a proof that was under way when authority ended again lets nothing go', async () => {
  const { done, clock, store, authority, hold, back, vm, slices } = await node(vmEntries('Db', 'running'));
  vm('Db');
  await hold();
  store.beforeNext = () => authority.say('ended');
  back();
  await clock.pass(1000);
  expect(done).not.toContain('Db is thawed');
  expect(slices.held).toContain('Db');
  back();
  await clock.pass(500);
  expect(done.filter((what) => what === 'Db continues')).toHaveLength(1);
});

test('a guest that was just let go is paused again when authority ends before it continues', async () => {
  const { done, clock, authority, hold, back, vm, suspended } = await node(vmEntries('Db', 'running'));
  const guest = vm('Db');
  await hold();
  // It had not been paused in time.
  guest.state = 'running';
  guest.beforeRunState = () => authority.say('ended');
  back();
  await clock.pass(500);
  expect(done.slice(-2)).toEqual(['Db is thawed', 'Db is paused']);
  expect([guest.state, suspended.isSuspended('Db')]).toEqual(['paused', true]);
});

test('a paused guest continues only if it ran before', async () => {
  const { done, clock, hold, back, vm } = await node({
    ...{ ...vmEntries('Db', 'running'), ...vmEntries('Web', 'paused') },
  });
  vm('Db');
  vm('Web', 'paused');
  await hold();
  back();
  await clock.pass(500);
  expect(done).toContain('Db continues');
  expect(done).toContain('Web is thawed');
  expect(done).not.toContain('Web continues');
});

test('a guest whose first start was not recorded any more goes on as well', async () => {
  const entries = vmEntries('Db', 'running');
  const status = { ...(entries[keys.vmStatus('Db')] as VmStatus), state: 'starting' };
  const { done, clock, hold, back, vm } = await node({ ...entries, [keys.vmStatus('Db')]: status });
  vm('Db');
  await hold();
  back();
  await clock.pass(500);
  expect(done.slice(-2)).toEqual(['Db is thawed', 'Db continues']);
});

test('a copy that had GO goes on once its arrival is recorded', async () => {
  const intent = { ...testIntent('Db'), source: 'node2', destination: 'node1' };
  const { done, clock, store, hold, back, run } = await node({
    ...{ ...vmEntries('Db', 'running'), [keys.vmOwner('Db')]: { node: 'node2' }, [keys.vmIntent('Db')]: intent },
  });
  run(new TestInstance('Db', done, { incomingMigration: intent.migrationId, mayHaveRun: true }));
  await hold();
  back();
  await clock.pass(2000);
  expect(done.slice(3)).toEqual([]);
  store.put({ [keys.vmOwner('Db')]: { node: 'node1' }, [keys.vmIntent('Db')]: undefined });
  await clock.pass(500);
  expect(done.slice(3)).toEqual(['Db is thawed', 'Db continues']);
});

test('a copy without GO is ended', async () => {
  const intent = { ...testIntent('Db'), source: 'node2', destination: 'node1' };
  const { done, clock, hold, back, run } = await node({
    ...{ ...vmEntries('Db', 'running'), [keys.vmOwner('Db')]: { node: 'node2' }, [keys.vmIntent('Db')]: intent },
  });
  run(new TestInstance('Db', done, { incomingMigration: intent.migrationId, state: 'inmigrate' }));
  await hold();
  back();
  await clock.pass(500);
  expect(done).toContain('Db is killed');
  expect(done).not.toContain('Db is thawed');
});

describe('a copy that an agent finds frozen while its migration to this node is open', () => {
  const intent = { ...testIntent('Db'), source: 'node2', destination: 'node1' };
  const arriving = { [keys.vmOwner('Db')]: { node: 'node2' }, [keys.vmIntent('Db')]: intent };

  /** Another VM beside it is let go; then the QEMU processes are found, this one among them. */
  async function restarted({ mayHaveRun }: { readonly mayHaveRun: boolean }) {
    const entries = { ...vmEntries('Db', 'running'), ...vmEntries('Web', 'running'), ...arriving };
    const started = await node(entries, { hasInstances: true });
    const { clock, guard, slices, suspended, run, back, done } = started;
    slices.inGroup.add('Db').add('Web');
    slices.allFrozen = true;
    guard.is({ frozen: true });
    let settled = false;
    void suspended.settled().then(() => {
      settled = true;
    });
    await clock.pass(1000);
    expect(settled).toBe(false);
    back();
    await clock.pass(1000);
    expect([settled, slices.isFrozen('Db'), slices.isFrozen('Web')]).toEqual([true, true, false]);
    expect(done).not.toContain('Db is killed');
    const state = mayHaveRun ? 'paused' : 'inmigrate';
    const copy = run(new TestInstance('Db', done, { incomingMigration: intent.migrationId, mayHaveRun, state }));
    await suspended.takeUp();
    await clock.pass(1000);
    return { ...started, copy };
  }

  test('with GO: it is kept, and goes on once its arrival is recorded', async () => {
    const { done, clock, store, suspended, copy } = await restarted({ mayHaveRun: true });
    expect([copy.alive, copy.state, suspended.isSuspended('Db')]).toEqual([true, 'paused', true]);
    store.put({ [keys.vmOwner('Db')]: { node: 'node1' }, [keys.vmIntent('Db')]: undefined });
    await clock.pass(500);
    expect(done.slice(-2)).toEqual(['Db is thawed', 'Db continues']);
  });

  test('without: it is ended, frozen as it is', async () => {
    const { done, copy } = await restarted({ mayHaveRun: false });
    expect(copy.alive).toBe(false);
    expect(done).not.toContain('Db is thawed');
  });
});

test('a guest that is being migrated away continues only after its transfer has ended', async () => {
  const { done, clock, hold, back, vm } = await node({
    ...{ ...vmEntries('Db', 'running'), [keys.vmIntent('Db')]: testIntent('Db') },
  });
  vm('Db').transferStatus = 'active';
  await hold();
  back();
  await clock.pass(1000);
  expect(done.slice(3)).toEqual([
    ...['Db is thawed', 'the transfer of Db is cancelled', 'Db is thawed', 'Db continues'],
  ]);
});

test('a source that has completed never continues', async () => {
  const { done, clock, hold, back, vm, suspended } = await node({
    ...{ ...vmEntries('Db', 'running'), [keys.vmIntent('Db')]: testIntent('Db') },
  });
  const guest = vm('Db');
  await hold();
  guest.transferStatus = 'completed';
  guest.state = 'postmigrate';
  back();
  await clock.pass(1000);
  expect(done).not.toContain('Db continues');
  expect(suspended.isSuspended('Db')).toBe(false);
});

test('without authority at the moment of the proof nothing is let go', async () => {
  const { done, clock, store, authority, hold, back, vm } = await node(vmEntries('Db', 'running'));
  vm('Db');
  await hold();
  // It has passed, and no timer has said so yet.
  store.beforeNext = () => {
    authority.held = false;
  };
  back();
  await clock.pass(1000);
  expect(done).not.toContain('Db is thawed');
});

test('an agent that finds its VMs frozen holds and proves them, also those the guard is about to freeze', async () => {
  const { done, clock, guard, slices, back } = await node(vmEntries('Db', 'running'));
  slices.inGroup.add('Db');
  guard.is({ authorityUntilMs: clock.monotonicMs() - 301 });
  back();
  await clock.pass(500);
  expect(done).toEqual(['Db is held', 'guard extends', 'Db is thawed']);
});

test('an agent that was restarted in time holds nothing', async () => {
  const { done, clock, guard, slices, back } = await node(vmEntries('Db', 'running'));
  slices.inGroup.add('Db');
  guard.is({ authorityUntilMs: clock.monotonicMs() + 1000 });
  back();
  await clock.pass(500);
  expect(done).toEqual(['guard extends']);
});

test('guests that an earlier agent had paused continue once they are known and proven', async () => {
  const { done, clock, back, suspended, vm, store } = await node(
    { ...vmEntries('Db', 'running'), ...vmEntries('Web', 'running') },
    { hasInstances: true },
  );
  vm('Db', 'paused');
  vm('Web', 'running');
  back();
  store.tried.length = 0;
  await suspended.takeUp();
  expect(suspended.isSuspended('Db')).toBe(true);
  await clock.pass(500);
  expect(done).toEqual(['guard extends', 'Db is thawed', 'Db continues']);
  expect(store.tried).toHaveLength(1);
});

test('a VM whose first start was interrupted can be let go: it has no status yet', async () => {
  const entries = vmEntries('Db', 'running');
  delete entries[keys.vmStatus('Db')];
  const { done, clock, hold, back, vm, suspended } = await node(entries);
  vm('Db', 'prelaunch');
  await hold();
  back();
  await clock.pass(500);
  expect(done).toContain('Db is thawed');
  expect(done).not.toContain('Db continues');
  expect(suspended.isSuspended('Db')).toBe(false);
});

test('a fenced node stops its guests at once, and ends all of them, known to an agent or not', async () => {
  const { done, authority, slices, suspended, run, vm, clock } = await node({
    ...{ ...vmEntries('Db', 'running'), ...vmEntries('Web', 'running'), ...ordinary('Test') },
  });
  vm('Db');
  run(new TestInstance('Web', done), { guarded: false });
  const other = run(new TestInstance('Test', done), { guarded: false });
  slices.inGroup.add('Unknown');
  slices.unkillable.add('Unknown');
  authority.say('fenced');
  expect(done).toEqual(['Db is paused', 'Web is paused']);
  let ended = false;
  void suspended.endAll().then(() => {
    ended = true;
  });
  await clock.pass(500);
  expect(ended).toBe(false);
  slices.unkillable.clear();
  await clock.pass(500);
  expect(ended).toBe(true);
  expect(slices.highlyAvailable()).toEqual([]);
  expect(done).toContain('QEMU of Web is killed');
  expect(other.alive).toBe(true);
});

test('an agent that finds itself fenced ends also what only its QEMU processes tell it of', async () => {
  const { clock, suspended, run } = await node(vmEntries('Db', 'running'), { hasInstances: true });
  let ended = false;
  void suspended.endAll().then(() => {
    ended = true;
  });
  await clock.pass(500);
  expect(ended).toBe(false);
  const guest = run(new TestInstance('Db'), { guarded: false });
  await suspended.takeUp();
  await clock.pass(100);
  expect([ended, guest.alive]).toEqual([true, false]);
});

test('settled when nothing is frozen any more', async () => {
  const { clock, hold, back, vm, suspended } = await node(vmEntries('Db', 'running'));
  vm('Db');
  await hold();
  let settled = false;
  void suspended.settled().then(() => {
    settled = true;
  });
  await clock.pass(1000);
  expect(settled).toBe(false);
  back();
  await clock.pass(1000);
  expect(settled).toBe(true);
});

test('settled although the guard keeps an empty group frozen: a fenced node is let in again only afterwards', async () => {
  const { clock, guard, suspended } = await node({});
  guard.is({ frozen: true });
  await clock.pass(10);
  await suspended.settled();
});
