import { describe, expect, test } from 'vitest';
import { recordOutput } from '../../test/doubles/cli-samples.ts';
import { sampleNode } from '../../test/doubles/node-samples.ts';
import type { NodeDetail } from '../contract/nodes.ts';
import { GodwitError } from '../model/errors.ts';
import type { Cluster } from './cluster.ts';
import type { Context } from './context.ts';
import { followDrain } from './node-drain.ts';

type Drain = NonNullable<NodeDetail['service']['drain']>;

function draining(text: string, more: Partial<Drain> = {}): NodeDetail {
  const drain: Drain = {
    ...{ id: 'd1', requestedAt: '2026-01-01T00:00:00.000Z', vms: ['a', 'b'], failures: [] },
    ...{ state: 'moving', text, blockers: [], ...more },
  };
  return sampleNode({ state: 'draining', service: { mode: 'draining', since: null, by: 'admin', drain } });
}

const drained = sampleNode({
  state: 'paused',
  vms: [],
  service: { mode: 'paused', since: null, by: null, drain: null },
});

/** Answers with each of these in turn, the last one for ever. */
function following(answers: readonly (NodeDetail | GodwitError)[], json = false) {
  const output = recordOutput();
  const context: Context = { json, output, openCluster: () => Promise.reject(new Error('not used')) };
  const left = [...answers];
  const call = async () => {
    const answer = left.length > 1 ? left.shift() : left[0];
    if (answer instanceof GodwitError) throw answer;
    return answer;
  };
  const begun = draining('2 VMs are left');
  const cluster = { call } as unknown as Pick<Cluster, 'call'>;
  const stop = new AbortController();
  const run = () =>
    followDrain({ context, cluster, name: 'node1', begun, signal: stop.signal, pollMs: 1, blockedForMs: 20 });
  return { output, stop, run };
}

const unavailable = new GodwitError({ code: 'CLUSTER_UNREACHABLE', message: 'No answer.', state: '', nextStep: '' });

describe('followDrain', () => {
  test('prints one line per change until the node is empty', async () => {
    const { output, run } = following([
      draining('2 VMs are left'),
      draining('1 VMs are left'),
      draining('1 VMs are left'),
      drained,
    ]);
    expect(await run()).toEqual(drained);
    expect(output.texts).toEqual(['2 VMs are left\n', '1 VMs are left\n']);
  });

  test('prints nothing on the way with --json', async () => {
    const { output, run } = following([draining('1 VMs are left'), drained], true);
    await run();
    expect(output.texts).toEqual([]);
  });

  test('outlives the node that answers', async () => {
    expect(await following([unavailable, unavailable, drained]).run()).toEqual(drained);
  });

  test('ends with every reason when nothing moves any more', async () => {
    const blockers = [{ vm: 'b', reasons: ['node2 is full.', 'b does not fit on node3.'] }];
    const { run } = following([draining('b would have to stay', { state: 'blocked', blockers })]);
    await expect(run()).rejects.toMatchObject({
      code: 'DRAIN_BLOCKED',
      details: { reasons: ['b: node2 is full.', 'b does not fit on node3.'] },
      nextStep: expect.stringContaining('cancel-drain node1'),
    });
  });

  test('does not give up a drain that is blocked for a moment only', async () => {
    const blocked = draining('b would have to stay', { state: 'blocked', blockers: [{ vm: 'b', reasons: ['full'] }] });
    expect(await following([blocked, draining('1 VMs are left'), drained]).run()).toEqual(drained);
  });

  test('ends the waiting only when interrupted', async () => {
    const { stop, run } = following([draining('2 VMs are left')]);
    const running = run();
    stop.abort();
    expect(await running).toBeNull();
  });
});
