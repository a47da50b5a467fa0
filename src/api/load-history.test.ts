import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { MemoryStore } from '../../test/doubles/memory-store.ts';
import { loadKey } from '../model/keys.ts';
import type { LoadRecord } from '../model/load.ts';
import { LoadHistory } from './load-history.ts';

describe('the load of nodes', () => {
  let store: MemoryStore;
  let clock: ManualClock;
  let history: LoadHistory;
  beforeEach(async () => {
    [store, clock] = [new MemoryStore(), new ManualClock()];
    history = new LoadHistory(store, clock);
    await Promise.resolve();
  });
  afterEach(() => history.close());

  /** Samples of this CPU use, each two seconds after the one before, the last one now. */
  async function say(...percents: number[]): Promise<void> {
    const samples = percents.map((percent, index) => [
      Math.round(clock.wallMs()) - (percents.length - 1 - index) * 2000,
      ...[percent, 1, 2, 3, 4],
    ]);
    const record: LoadRecord = { node: 'node1', samples, vms: { WebServer: 75 } };
    store.put({ [loadKey('node1')]: record });
    await Promise.resolve();
  }

  const percents = () => history.ofNode('node1').samples.map(({ cpuPercent }) => cpuPercent);

  test('of the last ten minutes is kept, each sample once', async () => {
    await say(1, 2, 3);
    clock.advance(4000);
    // The record before may have been taken over only in part: what is known already comes again.
    await say(3, 4, 5);
    expect(percents()).toEqual([1, 2, 3, 4, 5]);
    clock.advance(598_000);
    expect(percents()).toEqual([4, 5]);
    await say(6);
    expect(percents()).toEqual([4, 5, 6]);
  });

  test('counts for its VMs as long as it is current', async () => {
    await say(1);
    expect(history.ofVm('WebServer', 'node1')).toBe(75);
    expect(history.ofVm('WebServer', 'node2')).toBeNull();
    expect(history.ofVm('Other', 'node1')).toBeNull();
    expect(history.newest()).toMatchObject([{ node: 'node1', samples: [{ cpuPercent: 1 }] }]);
    clock.advance(31_000);
    expect(history.ofVm('WebServer', 'node1')).toBeNull();
    expect(history.newest()).toEqual([]);
  });

  test('of a node that was removed is forgotten, and what cannot be read is left out', async () => {
    await say(1);
    store.put({ [loadKey('node1')]: undefined });
    await Promise.resolve();
    expect(percents()).toEqual([]);
    store.put({ [loadKey('node1')]: { node: 'node1', samples: [[Math.round(clock.wallMs()), 5]], vms: {} } });
    await Promise.resolve();
    expect(percents()).toEqual([]);
  });
});
