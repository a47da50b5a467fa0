import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiCluster, startApiCluster } from '../../test/doubles/api-cluster.ts';
import { testHeartbeat, testMemory, vmEntries } from '../../test/doubles/cluster-facts.ts';
import type { ClusterView } from '../contract/cluster.ts';
import { keys } from '../model/keys.ts';
import { GIBIBYTE } from '../model/units.ts';

let cluster: ApiCluster;
beforeEach(async () => {
  cluster = await startApiCluster();
});
afterEach(() => cluster.close());

const status = async () => (await cluster.ask('GET', '/cluster')).body as ClusterView;

function guarded(sequence: number, voters: readonly string[]) {
  const guard = { watchdogMs: 2000, latencyMaxMs: 3, frozen: false };
  return { ...testHeartbeat(sequence), guard, voters, votesNeeded: 2, takeoverMs: 7500 };
}

const twoGuardedNodes = () =>
  cluster.put({
    [keys.nodeHeartbeat('node1')]: guarded(2, ['node2', 'witness']),
    [keys.nodeHeartbeat('node2')]: guarded(2, ['node1', 'witness']),
  });

async function threeMembers(): Promise<void> {
  const [member] = await cluster.store.members();
  if (member === undefined) throw new Error('The store has no member.');
  cluster.store.members = async () => ['node1', 'node2', 'witness'].map((name) => ({ ...member, name, healthy: true }));
}

describe('arming and disarming', () => {
  test('is remembered with the reason, shown in the status, and said', async () => {
    expect((await status()).availability).toMatchObject({ armed: true, since: null });
    expect(await cluster.ask('POST', '/availability/disarm', { reason: 'new switches' })).toMatchObject({
      body: { armed: false, by: 'admin', reason: 'new switches' },
    });
    expect(cluster.store.value(keys.highAvailability)).toMatchObject({ armed: false, reason: 'new switches' });
    expect((await status()).failover).toMatchObject({ automatic: false });
    expect((await cluster.ask('POST', '/availability/arm')).body).toMatchObject({ armed: true });
    expect(cluster.said.map(({ kind, critical }) => [kind, critical])).toEqual([
      ['availability-disarmed', true],
      ['availability-armed', false],
    ]);
  });

  test('arming what is armed changes nothing and says nothing', async () => {
    await cluster.ask('POST', '/availability/arm');
    expect(cluster.said).toEqual([]);
    expect(cluster.store.value(keys.highAvailability)).toBeUndefined();
  });

  test.each(['', '   '])('needs a reason, not "%s"', async (reason) => {
    expect(await cluster.refusal('POST', '/availability/disarm', { reason })).toMatchObject({ code: 'INVALID_INPUT' });
    expect(cluster.store.value(keys.highAvailability)).toBeUndefined();
  });
});

describe('the cluster status', () => {
  test('says that failover is automatic when every node can be taken over by vote', async () => {
    await twoGuardedNodes();
    expect(await status()).toMatchObject({
      failover: { automatic: true, notes: [] },
      fencing: [
        { node: 'node1', authority: 'held', watchdogMs: 2000, takeoverMs: 7500, votesNeeded: 2, powerFencing: null },
        { node: 'node2' },
      ],
    });
  });

  test('names nodes without a watchdog and what to do', async () => {
    const { failover } = await status();
    expect(failover.automatic).toBe(false);
    expect(failover.notes).toEqual([expect.stringMatching(/node1, node2 have no armed watchdog.*modprobe/)]);
  });

  test('says of two nodes without a third vote that nobody is brought back without confirmation', async () => {
    await twoGuardedNodes();
    const members = await cluster.store.members();
    cluster.store.members = async () => members.slice(0, 2);
    const { failover } = await status();
    expect(failover.automatic).toBe(false);
    expect(failover.notes.join(' ')).toMatch(/Two nodes without a third vote.*--witness.*confirm-dead/);
  });

  test('shows a node that is silent, and one that stands still', async () => {
    await cluster.put({
      [keys.nodeHeartbeat('node1')]: { ...guarded(2, []), guard: { watchdogMs: 2000, latencyMaxMs: 3, frozen: true } },
    });
    expect((await status()).fencing[0]).toMatchObject({ authority: 'ended' });
    cluster.clock.advance(10_000);
    expect((await status()).fencing[1]).toMatchObject({ authority: 'unknown' });
  });

  test('survives nothing, whatever the room, when the database or a third vote is missing', async () => {
    await threeMembers();
    expect((await status()).survival).toMatchObject({
      survives: false,
      text: expect.stringContaining('by themselves'),
    });
    await twoGuardedNodes();
    const members = await cluster.store.members();
    cluster.store.members = async () => members.map((member, index) => ({ ...member, healthy: index > 0 }));
    expect((await status()).survival).toMatchObject({
      survives: false,
      text: expect.stringContaining('one more member (node2, witness)'),
    });
  });

  test('says which VM would have no place if its node were lost', async () => {
    await twoGuardedNodes();
    await threeMembers();
    await cluster.put({ ...vmEntries('WebServer', 'running') });
    expect((await status()).survival).toMatchObject({ survives: true });
    await cluster.put({ [keys.nodeMemory('node2')]: testMemory({ Other: GIBIBYTE }) });
    expect((await status()).survival).toMatchObject({
      survives: false,
      nodes: [
        { node: 'node1', survives: false, misfits: [{ vm: 'WebServer' }] },
        { node: 'node2', survives: true },
      ],
    });
  });
});
