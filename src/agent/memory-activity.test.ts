import { describe, expect, test } from 'vitest';
import { vmEntries } from '../../test/doubles/cluster-facts.ts';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { MemoryStore } from '../../test/doubles/memory-store.ts';
import { keys } from '../model/keys.ts';
import { MEBIBYTE } from '../model/units.ts';
import type { Instance } from '../ports/hypervisor.ts';
import { watchCluster } from './cluster-view.ts';
import { createInstanceRegistry } from './instance-registry.ts';
import { startMemoryActivity } from './memory-activity.ts';

const SAMPLE = { usedBytes: 90 * MEBIBYTE, compressedRatio: 0.4 };

/** The microtasks of the store, the view and a sample. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

function fakeInstance(vm: string, changes: Partial<Instance> = {}) {
  const calls: string[] = [];
  const instance = {
    ...{ id: `${vm}-process`, vm, alive: true, incomingMigration: null, mayHaveRun: true },
    subscribe: () => () => undefined,
    async prepareDirtyTracking() {
      calls.push('prepare');
    },
    async sampleMemory() {
      calls.push('memory');
      return SAMPLE;
    },
    async sampleDirtyRate() {
      calls.push('dirty rate');
      return 3 * MEBIBYTE;
    },
    ...changes,
  } as unknown as Instance;
  return { instance, calls };
}

async function agent(...found: Instance[]) {
  const clock = new ManualClock();
  const store = new MemoryStore();
  const view = watchCluster(store, clock);
  await view.ready();
  const instances = createInstanceRegistry();
  const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  for (const instance of found) {
    instances.add(instance);
    store.put(vmEntries(instance.vm, 'running'));
  }
  const config = { node: 'node1' } as Parameters<typeof startMemoryActivity>[0]['config'];
  const stop = startMemoryActivity({ config, store, view, instances, clock, log });
  await settle();
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      clock.advance(1000);
      await settle();
    }
  };
  return { store, pass, stop };
}

describe('startMemoryActivity', () => {
  test('samples a running VM some seconds after it was first seen, and then every ten seconds', async () => {
    const { instance, calls } = fakeInstance('WebServer');
    const { store, pass, stop } = await agent(instance);
    await pass(2);
    expect(calls).toEqual([]);
    await pass(1);
    expect(store.value(keys.vmActivity('WebServer'))).toEqual({
      ...SAMPLE,
      dirtyBytesPerSecond: 3 * MEBIBYTE,
      sampledAt: expect.stringMatching(/^2026-01-01T/),
    });
    await pass(9);
    expect(calls).toEqual(['prepare', 'memory', 'dirty rate']);
    await pass(1);
    expect(calls).toHaveLength(6);
    stop();
    await pass(60);
    expect(calls).toHaveLength(6);
  });

  test('leaves a VM with an open migration alone, and samples it some seconds after its end', async () => {
    const { instance, calls } = fakeInstance('WebServer');
    const { store, pass } = await agent(instance);
    store.put({ [keys.vmIntent('WebServer')]: { migrationId: 'm' } });
    await pass(60);
    expect(calls).toEqual([]);
    store.put({ [keys.vmIntent('WebServer')]: undefined });
    await settle();
    await pass(2);
    expect(calls).toEqual([]);
    await pass(1);
    expect(calls).toEqual(['prepare', 'memory', 'dirty rate']);
  });

  test('prepares every VM that is due ahead of the first sample', async () => {
    const [first, second] = [fakeInstance('First'), fakeInstance('Second')];
    const sampled = Promise.withResolvers<typeof SAMPLE>();
    Object.assign(first.instance, { sampleMemory: () => sampled.promise });
    const { pass } = await agent(first.instance, second.instance);
    await pass(3);
    expect([first.calls, second.calls]).toEqual([['prepare'], ['prepare']]);
  });

  test('prepares and samples nothing when a migration is opened while another VM is prepared', async () => {
    const prepared = Promise.withResolvers<void>();
    const first = fakeInstance('First', { prepareDirtyTracking: () => prepared.promise });
    const second = fakeInstance('Second');
    const { store, pass } = await agent(first.instance, second.instance);
    await pass(3);
    store.put({ [keys.vmIntent('First')]: { migrationId: 'm' }, [keys.vmIntent('Second')]: { migrationId: 'n' } });
    await settle();
    prepared.resolve();
    await settle();
    expect([...first.calls, ...second.calls]).toEqual([]);
  });

  test('measures no dirty rate and publishes nothing when a migration is opened meanwhile', async () => {
    const sampled = Promise.withResolvers<typeof SAMPLE>();
    const { instance, calls } = fakeInstance('WebServer', { sampleMemory: () => sampled.promise });
    const { store, pass } = await agent(instance);
    await pass(4);
    store.put({ [keys.vmIntent('WebServer')]: { migrationId: 'm' } });
    await settle();
    sampled.resolve(SAMPLE);
    await settle();
    expect(calls).toEqual(['prepare']);
    expect(store.tried).toEqual([]);
  });

  test('leaves VMs of other nodes, and such that do not run, alone', async () => {
    const [away, off] = [fakeInstance('Away'), fakeInstance('Off')];
    const { store, pass } = await agent(away.instance, off.instance);
    store.put({ [keys.vmOwner('Away')]: { node: 'node2' }, [keys.vmStatus('Off')]: { state: 'off', node: 'node1' } });
    await pass(60);
    expect([...away.calls, ...off.calls]).toEqual([]);
  });

  test('samples one VM at a time', async () => {
    const sampled = Promise.withResolvers<typeof SAMPLE>();
    const first = fakeInstance('First', { sampleMemory: () => sampled.promise });
    const second = fakeInstance('Second');
    const { pass } = await agent(first.instance, second.instance);
    await pass(10);
    expect(second.calls).toEqual(['prepare']);
    sampled.resolve(SAMPLE);
    await settle();
    await pass(1);
    expect(first.calls).toEqual(['prepare', 'dirty rate']);
    expect(second.calls).toEqual(['prepare', 'prepare', 'memory', 'dirty rate']);
  });

  test('never overwrites what the next owner saw', async () => {
    const { instance } = fakeInstance('WebServer');
    const { store, pass } = await agent(instance);
    store.beforeNext = () =>
      store.put({ [keys.vmOwner('WebServer')]: { node: 'node2' }, [keys.vmActivity('WebServer')]: 'seen by node2' });
    await pass(4);
    expect(store.tried).toHaveLength(1);
    expect(store.value(keys.vmActivity('WebServer'))).toBe('seen by node2');
  });

  test('goes on after a failure', async () => {
    const { instance, calls } = fakeInstance('WebServer', {
      sampleMemory: () => Promise.reject(new Error('it does not answer')),
      sampleDirtyRate: () => Promise.resolve(null),
    });
    const { store, pass } = await agent(instance);
    await pass(19);
    expect(calls).toEqual(['prepare', 'prepare']);
    Object.assign(instance, { sampleMemory: async () => SAMPLE });
    await pass(30);
    expect(store.value(keys.vmActivity('WebServer'))).toMatchObject({ ...SAMPLE, dirtyBytesPerSecond: null });
  });
});
