import { describe, expect, test } from 'vitest';
import type { ClusterView, NodeView } from '../../../src/contract/cluster.ts';
import { judgeCluster } from './verdict.ts';

function cluster(changes: Partial<ClusterView> = {}): ClusterView {
  const member = (name: string) => ({ name, healthy: true, leader: name === 'node1', version: '3.5.0' });
  const sample = {
    nodes: { total: 2, up: 2 },
    quorum: { held: true, healthy: 3, total: 3, members: ['node1', 'node2', 'witness'].map(member) },
    availability: { armed: true, since: null, by: null, reason: null },
    failover: { automatic: true, notes: [] },
    survival: { survives: true, text: 'Any one node may fail.', nodes: [] },
    fresh: true,
  };
  return { ...(sample as unknown as ClusterView), ...changes };
}

function nodes(...states: string[]): NodeView[] {
  return states.map((state, index) => ({ name: `node${index + 1}`, state }) as unknown as NodeView);
}

const UP = nodes('up', 'up', 'up');

describe('the verdict on a cluster', () => {
  test('all is well', () => {
    expect(judgeCluster(cluster(), UP, [{ state: 'running' }])).toEqual({ level: 'healthy', reasons: [] });
  });

  test('a node that is down, a silent vote and a failed VM degrade it, each with its reason', () => {
    const { quorum } = cluster();
    const members = quorum.members.map((member) => ({ ...member, healthy: member.name !== 'node2' }));
    const view = cluster({ quorum: { ...quorum, members } });
    expect(judgeCluster(view, nodes('up', 'down', 'up'), [{ state: 'failed' }])).toEqual({
      level: 'degraded',
      reasons: [
        { key: 'nodesLost', names: ['node2'] },
        { key: 'membersSilent', names: ['node2'] },
        { key: 'vmsFailed', count: 1 },
      ],
    });
  });

  test('what is not brought back is not protected', () => {
    const disarmed = cluster({ availability: { armed: false, since: null, by: 'admin', reason: 'work' } });
    expect(judgeCluster(disarmed, UP, [])).toMatchObject({
      level: 'unprotected',
      reasons: [{ key: 'disarmed', by: 'admin' }],
    });
    const alone = cluster({ nodes: { total: 1, up: 1 }, failover: { automatic: false, notes: ['Only one node.'] } });
    expect(judgeCluster(alone, nodes('up'), []).reasons).toEqual([{ key: 'singleNode' }]);
    const noThirdVote = cluster({ failover: { automatic: false, notes: ['Two nodes.'] } });
    expect(judgeCluster(noThirdVote, UP, []).level).toBe('unprotected');
  });

  test('names the node whose loss leaves VMs without a place, else says what the cluster says', () => {
    const loss = { node: 'node1', survives: false, moves: [], notProtected: [] };
    const misfits = [{ vm: 'WebServer', memoryBytes: 1, reason: 'no room' }];
    const short = { survives: false, text: 'No room.', nodes: [{ ...loss, misfits }] };
    expect(judgeCluster(cluster({ survival: short }), UP, []).reasons).toEqual([
      { key: 'misfits', count: 1, node: 'node1' },
    ]);
    const database = { survives: false, text: 'The database does not survive it.', nodes: [] };
    expect(judgeCluster(cluster({ survival: database }), UP, []).reasons).toEqual([
      { key: 'server', text: 'The database does not survive it.' },
    ]);
  });

  test('an old view is never called healthy', () => {
    expect(judgeCluster(cluster({ fresh: false }), UP, []).level).toBe('stale');
  });
});
