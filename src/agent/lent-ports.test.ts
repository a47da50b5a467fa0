import { expect, test } from 'vitest';
import { testIntent, vmEntries } from '../../test/doubles/cluster-facts.ts';
import { ManualClock } from '../../test/doubles/manual-clock.ts';
import { MemoryStore } from '../../test/doubles/memory-store.ts';
import { keys } from '../model/keys.ts';
import type { AgentPorts } from './agent-ports.ts';
import { watchCluster } from './cluster-view.ts';
import { LentPorts } from './lent-ports.ts';

const VNI = 42;
const INTENT_KEY = keys.vmIntent('WebServer');

/** A node that has lent a port to the destination of an open migration. */
async function lender() {
  const clock = new ManualClock();
  const store = new MemoryStore();
  store.put({ ...vmEntries('WebServer', 'running'), [INTENT_KEY]: testIntent('WebServer') });
  const view = watchCluster(store, clock);
  await view.ready();
  const closed: number[] = [];
  const probes = {
    openPort: async () => ({ address: '10.0.0.3', port: 4789 }),
    closePort: async (vni: number) => void closed.push(vni),
  };
  const handlers = new LentPorts({ clock, view, probes } as unknown as AgentPorts).handlers();
  await handlers['open-probe-port'](
    {
      ...{ switchName: 'lan', vm: 'WebServer', migrationId: testIntent('WebServer').migrationId },
      observer: { address: '10.0.0.2', port: 4790, vni: VNI },
    },
    'node1',
  );
  const put = async (values: Record<string, unknown>) => {
    store.put(values);
    await Promise.resolve();
  };
  return { clock, store, closed, handlers, put };
}

test('a port stays for as long as the migration is open, and 20 s longer for its borrower to close it', async () => {
  const { clock, closed, put } = await lender();
  clock.advance(3_600_000);
  expect(closed).toEqual([]);
  await put({ [INTENT_KEY]: undefined });
  clock.advance(20_000);
  expect(closed).toEqual([]);
  clock.advance(10_000);
  expect(closed).toEqual([VNI]);
  clock.advance(60_000);
  expect(closed).toEqual([VNI]);
});

test('a port that was given back is not closed a second time', async () => {
  const { clock, closed, handlers, put } = await lender();
  await handlers['close-probe-port']({ vni: VNI }, 'node1');
  await put({ [INTENT_KEY]: undefined });
  clock.advance(60_000);
  expect(closed).toEqual([VNI]);
});

test('an intent that this node sees late counts from then on as open', async () => {
  const { clock, closed, put } = await lender();
  await put({ [INTENT_KEY]: undefined });
  clock.advance(15_000);
  await put({ [INTENT_KEY]: testIntent('WebServer') });
  clock.advance(60_000);
  expect(closed).toEqual([]);
  await put({ [INTENT_KEY]: { ...testIntent('WebServer'), migrationId: '01ANOTHER' } });
  clock.advance(30_000);
  expect(closed).toEqual([VNI]);
});

test('while the store is silent nothing is taken back', async () => {
  const { clock, store, closed, put } = await lender();
  await put({ [INTENT_KEY]: undefined });
  store.setQuorum(false);
  clock.advance(600_000);
  expect(closed).toEqual([]);
});
