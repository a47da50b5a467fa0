import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ApiCluster, startApiCluster } from '../../test/doubles/api-cluster.ts';
import { testFacts, testHeartbeat, vmEntries } from '../../test/doubles/cluster-facts.ts';
import type { NodeFailures, NodeMembership } from '../model/authority.ts';
import { keys } from '../model/keys.ts';

const MEMBER: NodeMembership = { state: 'member', bootId: 'b', since: '2026-01-01T00:00:00.000Z' };

let cluster: ApiCluster;
beforeEach(async () => {
  cluster = await startApiCluster();
  await cluster.put({ ...vmEntries('WebServer', 'running'), [keys.nodeMembership('node1')]: MEMBER });
});
afterEach(() => cluster.close());

const membership = () => cluster.store.value<NodeMembership>(keys.nodeMembership('node1'));
const confirm = (word = 'node1') => cluster.ask('POST', '/nodes/node1/confirm-dead', { confirm: word });
const refused = (word = 'node1') => cluster.refusal('POST', '/nodes/node1/confirm-dead', { confirm: word });

describe('POST /nodes/:name/confirm-dead', () => {
  test('fences a silent node, with who said so, and counts it as a failure', async () => {
    cluster.clock.advance(3600);
    expect(await confirm()).toMatchObject({ status: 200, body: { name: 'node1', state: 'fenced' } });
    expect(membership()).toMatchObject({
      ...{ state: 'fenced', bootId: 'b', by: 'node1' },
      evidence: { kind: 'confirmed', by: 'admin' },
    });
    expect(cluster.store.value<NodeFailures>(keys.nodeFailures('node1'))?.at).toHaveLength(1);
    expect(cluster.said).toMatchObject([{ kind: 'node-fenced', critical: true, node: 'node1' }]);
  });

  test('quarantines a node of three that fails for the third time within an hour', async () => {
    const at = ['2026-01-01T00:16:00.000Z', '2026-01-01T00:16:10.000Z'];
    await cluster.put({
      [keys.nodeFailures('node1')]: { at, quarantinedUntil: null },
      [keys.nodeFacts('node3')]: testFacts('node3'),
    });
    cluster.clock.advance(3600);
    expect((await confirm()).status).toBe(200);
    expect(cluster.said.map(({ kind }) => kind)).toEqual(['node-fenced', 'node-quarantined']);
  });

  test('is refused while the node beats', async () => {
    expect(await refused()).toMatchObject({
      code: 'NODE_STATE_UNSUITABLE',
      message: expect.stringContaining('current'),
    });
    cluster.clock.advance(3400);
    expect(await refused()).toMatchObject({ code: 'NODE_STATE_UNSUITABLE' });
  });

  test('is refused for a paused node that beats', async () => {
    await cluster.ask('POST', '/nodes/node1/pause');
    expect(await refused()).toMatchObject({ code: 'NODE_STATE_UNSUITABLE' });
  });

  test('is refused while others hear the node, although it does not reach the store', async () => {
    cluster.clock.advance(3600);
    await cluster.put({ [keys.nodeHeartbeat('node2')]: { ...testHeartbeat(2), promises: ['node1'] } });
    expect(await refused()).toMatchObject({
      code: 'NODE_STATE_UNSUITABLE',
      message: expect.stringContaining('hear it'),
    });
  });

  test('is refused while nobody can say whether others hear the node', async () => {
    cluster.clock.advance(3600);
    cluster.store.stallWatches({ noticed: true });
    expect(await refused()).toMatchObject({ code: 'NODE_STATE_UNSUITABLE' });
  });

  test.each(['node2', 'Node1', '', 'node1 '])('is refused with "%s" typed', async (word) => {
    cluster.clock.advance(3600);
    expect(await refused(word)).toMatchObject({ code: 'INVALID_INPUT' });
  });

  test('loses against a heartbeat that arrives at the last moment', async () => {
    cluster.clock.advance(3600);
    cluster.store.beforeNext = () => cluster.store.put({ [keys.nodeHeartbeat('node1')]: testHeartbeat(2) });
    expect(await confirm()).toMatchObject({ status: 409, body: { code: 'NODE_STATE_UNSUITABLE' } });
    expect(membership()).toEqual(MEMBER);
  });

  test('is refused for a node that is fenced already', async () => {
    cluster.clock.advance(3600);
    await confirm();
    expect(await refused()).toMatchObject({ message: expect.stringContaining('fenced already') });
  });

  test('is taken of a node fenced by votes, which say nothing of VMs that no guard stops, and counted once', async () => {
    const evidence = { kind: 'votes', voters: ['node2', 'witness'], heartbeatRevision: '1' } as const;
    const failures: NodeFailures = { at: ['2026-01-01T00:16:00.000Z'], quarantinedUntil: null };
    const fenced = { ...MEMBER, state: 'fenced', evidence, reason: 'it was silent', by: 'node2' } as const;
    await cluster.put({ [keys.nodeMembership('node1')]: fenced, [keys.nodeFailures('node1')]: failures });
    cluster.clock.advance(3600);
    expect((await confirm()).status).toBe(200);
    expect(membership()).toMatchObject({ state: 'fenced', evidence: { kind: 'confirmed', by: 'admin' } });
    expect(cluster.store.value<NodeFailures>(keys.nodeFailures('node1'))).toEqual(failures);
  });

  test('does not say an event when the store did not take it', async () => {
    cluster.clock.advance(3600);
    cluster.store.setQuorum(false);
    expect((await confirm()).status).toBe(503);
    expect(cluster.said).toEqual([]);
  });
});
