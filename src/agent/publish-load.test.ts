import { expect, test } from 'vitest';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { MemoryStore } from '../../test/doubles/memory-store.ts';
import { vmEntries } from '../../test/doubles/cluster-facts.ts';
import { loadKey } from '../model/keys.ts';
import type { LoadRecord } from '../model/load.ts';
import type { Log } from '../ports/log.ts';
import { watchCluster } from './cluster-view.ts';
import { createInstanceRegistry } from './instance-registry.ts';
import { publishLoad } from './publish-load.ts';

const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** A node with one running VM that is always busy. */
async function start() {
  const [store, clock] = [new MemoryStore(), new ManualClock()];
  store.put(vmEntries('WebServer', 'running'));
  const view = watchCluster(store, clock);
  await view.ready();
  const instances = createInstanceRegistry();
  const instance = {
    id: 'i1',
    vm: 'WebServer',
    pid: 7,
    alive: true,
    incomingMigration: null,
    subscribe: () => () => {},
  };
  instances.add(instance as never);
  const meter = {
    sampleNode: (atMs: number) =>
      Promise.resolve({
        ...{ atMs, cpuPercent: 12.34, memoryUsedBytes: 1, memoryTotalBytes: 2 },
        ...{ receivedBytesPerSecond: 3, sentBytesPerSecond: 4 },
      }),
    sampleVms: (processes: readonly { vm: string; pid: number }[]) =>
      Promise.resolve(Object.fromEntries(processes.map(({ vm }) => [vm, 50]))),
  };
  const end = publishLoad({ config: { node: 'node1' } as never, store, view, instances, clock, log: silentLog, meter });
  const pass = async (seconds: number) => {
    for (let passed = 0; passed < seconds; passed += 1) {
      clock.advance(1000);
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    }
  };
  return { store, pass, end, stored: () => store.value<LoadRecord>(loadKey('node1')) };
}

test('says every sample once, in few writes, and what the VMs of this node use', async () => {
  const { store, pass, end, stored } = await start();
  const before = store.tried.length;
  await pass(60);
  const writes = store.tried.slice(before).map(({ write }) => (write[0] as { value: LoadRecord }).value);
  expect(writes.length).toBeLessThanOrEqual(11);
  const times = writes.flatMap(({ samples }) => samples.map(([atMs]) => atMs));
  expect(times.length).toBeGreaterThanOrEqual(28);
  expect(new Set(times).size).toBe(times.length);
  expect(stored()?.vms).toEqual({ WebServer: 50 });
  expect(stored()?.samples[0]?.[1]).toBe(12.3);
  end();
});

test('catches up once the store is back, without keeping more than two minutes', async () => {
  const { store, pass, end, stored } = await start();
  store.setQuorum(false);
  await pass(300);
  store.setQuorum(true);
  let caughtUp = 0;
  for (let second = 0; second < 8; second += 1) {
    await pass(1);
    caughtUp = Math.max(caughtUp, stored()?.samples.length ?? 0);
  }
  expect(caughtUp).toBe(60);
  end();
});
