import { describe, expect, test } from 'vitest';
import {
  NOW,
  testCluster,
  type TestNode,
  type TestVm,
  transact,
  WALL_MS,
} from '../../test/doubles/failover-cluster.ts';
import type { NodeFailures, NodeHeartbeat, NodeService } from '../model/authority.ts';
import { applyEntries, type ClusterState } from '../model/cluster-state.ts';
import { keys } from '../model/keys.ts';
import { decideTakeover, type OwnSight, type PowerOffSight, sightsOf } from './takeover.ts';

const TERMS = { voters: ['node2', 'node3'], votesNeeded: 2, takeoverMs: 7500 };
const THREE: readonly TestNode[] = [{ name: 'node1', is: 'silent' }, { name: 'node2' }, { name: 'node3' }];

function put(state: ClusterState, key: string, value: unknown): ClusterState {
  return putAgo(state, [key, value], 0);
}

function putAgo(state: ClusterState, [key, value]: readonly [string, unknown], silentMs: number): ClusterState {
  const revision = String(Number(state.revision) + 1);
  const nowMs = NOW.monotonicMs - silentMs;
  return applyEntries(state, { entries: [{ key, value, modRevision: revision }], revision, nowMs });
}

/** node1 has been silent for so long since a heartbeat with these terms. */
function silent(silentMs: number, terms: Partial<NodeHeartbeat> = {}, nodes = THREE): ClusterState {
  return silentIn(testCluster(nodes), silentMs, terms);
}

function silentIn(cluster: ClusterState, silentMs: number, terms: Partial<NodeHeartbeat> = {}): ClusterState {
  const heartbeat = { ...TERMS, sequence: 1, bootId: 'b', agentId: 'a', promises: [], guard: null, ...terms };
  return putAgo(cluster, [keys.nodeHeartbeat('node1'), heartbeat], silentMs);
}

const heartbeatOf = (state: ClusterState) => state.nodes.get('node1')?.heartbeat?.modRevision ?? '';

function withVotes(
  state: ClusterState,
  voters: readonly string[],
  heartbeatRevision = heartbeatOf(state),
): ClusterState {
  const vote = { heartbeatRevision, voterBootId: 'b', at: '' };
  return voters.reduce((next, voter) => put(next, keys.vote('node1', voter), vote), state);
}

function decide(state: ClusterState, own: Partial<OwnSight> = {}) {
  const cluster = sightsOf(state, NOW, { own: 'node2', steady: true, powerOff: new Map(), ...own });
  const sight = cluster.nodes.find(({ node }) => node === 'node1');
  if (sight === undefined) throw new Error('node1 is missing');
  return decideTakeover(sight, cluster);
}

function takeover(state: ClusterState, own: Partial<OwnSight> = {}) {
  const decision = decide(state, own);
  if (decision.kind !== 'take-over') throw new Error(`${decision.kind}: ${decision.reason}`);
  return decision;
}

describe('by votes', () => {
  test('when enough voters have voted about the newest heartbeat, compared with all that it rests on', () => {
    const state = withVotes(silent(8000), ['node2', 'node3']);
    const { evidence, transaction } = takeover(state);
    expect(evidence).toMatchObject({ kind: 'votes', voters: ['node2', 'node3'] });
    expect(transaction.compare.map(({ key }) => key)).toEqual([
      keys.nodeHeartbeat('node1'),
      keys.nodeMembership('node1'),
      keys.nodeFailures('node1'),
      keys.vote('node1', 'node2'),
      keys.vote('node1', 'node3'),
    ]);
    const heard = put(state, keys.nodeHeartbeat('node1'), TERMS);
    expect(transact(heard, transaction)).toBeNull();
  });

  test.each([
    ['a vote is missing', withVotes(silent(8000), ['node3']), /1 of 2 votes that it is gone, not from node2/],
    ['a vote is about an older heartbeat', withVotes(silent(8000), ['node2', 'node3'], '1'), /0 of 2 votes/],
    ['a vote is from somebody who has none', withVotes(silent(8000), ['node3', 'node4']), /1 of 2 votes/],
    [
      'no watchdog stands behind it',
      withVotes(silent(8000, { takeoverMs: null }), ['node2', 'node3']),
      /confirm that it is dead/,
    ],
  ])('not while %s', (_, state, reason) => {
    expect(decide(state)).toMatchObject({ kind: 'wait', reason: expect.stringMatching(reason) });
  });

  test('not while failover is disarmed', () => {
    const state = put(silent(8000), keys.highAvailability, { armed: false, since: '', by: 'admin', reason: '' });
    expect(decide(withVotes(state, ['node2', 'node3'])).reason).toMatch(/disarmed/);
  });

  test('not while another node says that it is alive', () => {
    const alive = { ...TERMS, sequence: 2, bootId: 'b', agentId: 'a', promises: ['node1'], guard: null };
    const state = put(withVotes(silent(8000), ['node2', 'node3']), keys.nodeHeartbeat('node3'), alive);
    expect(decide(state).reason).toMatch(/others hear it/);
  });

  test.each([
    ['heard', silent(500)],
    ['fenced already', testCluster([{ name: 'node1', is: 'fenced' }, { name: 'node2' }])],
  ])('nothing is decided about a node that is %s', (_, state) => {
    expect(decide(state).kind).toBe('none');
  });
});

describe('by its power', () => {
  const device = { agent: 'fence_ipmilan', options: {} };
  const withDevice = (silentMs: number) => put(silent(silentMs), keys.nodeFencing('node1'), device);
  const answer = (state: ClusterState, more: Partial<PowerOffSight>) => ({
    powerOff: new Map([
      [
        'node1',
        {
          ...{ heartbeatRevision: heartbeatOf(state), agent: 'fence_ipmilan', state: 'off' as const },
          ...{ confirmedAt: '2026-01-01T00:00:00.000Z', reason: '', ...more },
        },
      ],
    ]),
  });

  test('it is switched off after 3 s of silence, and taken over as soon as its controller says so', () => {
    const state = withDevice(3100);
    expect(decide(withDevice(2900)).kind).toBe('none');
    expect(decide(state).kind).toBe('ask-power-off');
    expect(takeover(state, answer(state, {})).evidence.kind).toBe('power-off');
  });

  test('it is asked once for each heartbeat, and an answer about an earlier one proves nothing', () => {
    const state = withDevice(5000);
    expect(decide(state, answer(state, { state: 'asking' })).kind).toBe('wait');
    expect(decide(state, answer(state, { heartbeatRevision: '1' })).kind).toBe('ask-power-off');
    const failed = decide(state, answer(state, { state: 'failed', reason: 'no route to host' }));
    expect(failed.reason).toMatch(/could not be switched off: no route to host/);
  });

  test('nobody who may have slept himself switches it off', () => {
    expect(decide(withDevice(5000), { steady: false }).kind).toBe('wait');
  });
});

describe('many silent at once', () => {
  const FOUR: readonly TestNode[] = [...THREE, { name: 'node4', is: 'silent' }];

  test('everybody waits 10 s longer for each node but the first', () => {
    expect(decide(withVotes(silent(8000, {}, FOUR), ['node2', 'node3'])).reason).toMatch(/looks like the network/);
    expect(decide(withVotes(silent(17_500, {}, FOUR), ['node2', 'node3'])).kind).toBe('take-over');
  });

  test('but not when they are few of many', () => {
    const many = [...FOUR, { name: 'node5' }, { name: 'node6' }];
    expect(decide(withVotes(silent(8000, {}, many), ['node2', 'node3'])).kind).toBe('take-over');
  });
});

describe('quarantine', () => {
  const at = (minutesAgo: number) => new Date(WALL_MS - minutesAgo * 60_000).toISOString();
  const failed = (minutes: readonly number[], more: readonly TestNode[] = []) => {
    const failures: NodeFailures = { at: minutes.map(at), quarantinedUntil: null };
    const nodes = [{ name: 'node1', is: 'silent', failures } as const, ...THREE.slice(1), ...more];
    return takeover(withVotes(silent(8000, {}, nodes), ['node2', 'node3']));
  };
  const quarantined = ({ transaction }: ReturnType<typeof failed>) => {
    const write = transaction.write.find((one) => 'put' in one && one.put === keys.nodeFailures('node1'));
    return ((write as { readonly value: NodeFailures }).value.quarantinedUntil ?? null) !== null;
  };

  test('the third failure within an hour takes a node out for two', () => {
    const decision = failed([50, 20]);
    expect(quarantined(decision)).toBe(true);
    expect(decision.events.map(({ kind }) => kind)).toEqual(['node-fenced', 'node-quarantined']);
    expect(quarantined(failed([70, 20]))).toBe(false);
  });

  test('never more than a quarter of the nodes', () => {
    const out: NodeFailures = { at: [], quarantinedUntil: at(-30) };
    expect(quarantined(failed([50, 20], [{ name: 'node4', failures: out }]))).toBe(false);
  });
});

describe('a node that was taken out of use beforehand', () => {
  const at = (minutesAgo: number) => new Date(WALL_MS - minutesAgo * 60_000).toISOString();
  const failures: NodeFailures = { at: [at(50), at(20)], quarantinedUntil: null };
  const paused: NodeService = { mode: 'paused', since: at(30), by: 'admin', drain: null };
  const out = (service: NodeService | null = paused, vms: readonly TestVm[] = []) => {
    const node = { name: 'node1', is: 'silent', failures, ...(service !== null && { service }) } as const;
    return withVotes(silentIn(testCluster([node, ...THREE.slice(1)], vms), 8000), ['node2', 'node3']);
  };
  const kinds = (state: ClusterState) => takeover(state).events.map(({ kind, critical }) => [kind, critical]);

  test('is fenced on the same evidence, but that is no failure, and the event says so', () => {
    const state = out(paused, [{ name: 'Db', on: 'node2' }]);
    const { events, transaction, reason } = takeover(state);
    expect(events).toMatchObject([
      { kind: 'node-fenced', critical: false, reason: expect.stringMatching(/^It was paused and had no VMs/) },
    ]);
    expect(events[0]?.reason).toContain(reason);
    const counted = takeover(out(paused, [{ name: 'Db', on: 'node1' }])).transaction;
    const about = ({ key }: { readonly key: string }) => key;
    expect(transaction.compare.map(about)).toEqual(
      expect.arrayContaining([...counted.compare.map(about), keys.nodeService('node1')]),
    );
    expect(transaction.write[0]).toEqual(counted.write[0]);
    const after = transact(state, transaction)?.nodes.get('node1');
    expect([after?.membership?.value.state, after?.failures?.value]).toEqual(['fenced', failures]);
  });

  test('unless somebody resumes it at that moment: then it is decided anew', () => {
    const { transaction } = takeover(out());
    const resumed = put(out(), keys.nodeService('node1'), { ...paused, mode: 'active' });
    expect(transact(resumed, transaction)).toBeNull();
    expect(kinds(resumed)).toContainEqual(['node-quarantined', true]);
  });

  test.each<[string, ClusterState]>([
    ['is not paused', out(null)],
    ['is being drained still', out({ ...paused, mode: 'draining' })],
    ['owns a VM, though that is off', out(paused, [{ name: 'Db', on: 'node1', state: 'off' }])],
    ['is to get one', out(paused, [{ name: 'Db', on: 'node2', intent: { destination: 'node1' } }])],
  ])('but it has failed if it %s', (_, state) => {
    expect(kinds(state)).toEqual([
      ['node-fenced', true],
      ['node-quarantined', true],
    ]);
  });
});
