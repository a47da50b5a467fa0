import { describe, expect, test } from 'vitest';
import { NOW, testCluster, type TestVm } from '../../test/doubles/failover-cluster.ts';
import { MEBIBYTE } from '../model/units.ts';
import { decideRecovery } from './recovery.ts';
import { decideSurvival } from './survival.ts';

const up = (...names: string[]) => names.map((name) => ({ name }));

describe('decideSurvival', () => {
  test('says where each VM would go, and that the cluster survives', () => {
    const vms: TestVm[] = [
      { name: 'A', on: 'node1' },
      { name: 'B', on: 'node2' },
      { name: 'Local', on: 'node2', record: { highlyAvailable: false } },
      { name: 'Off', on: 'node1', state: 'off', memoryBytes: 900 * MEBIBYTE },
    ];
    const survival = decideSurvival(testCluster(up('node1', 'node2'), vms), NOW);
    expect(survival).toMatchObject({ survives: true, text: 'The cluster survives the loss of any one node.' });
    expect(survival.nodes).toEqual([
      { node: 'node1', survives: true, moves: [{ vm: 'A', to: 'node2' }], misfits: [], notProtected: [] },
      { node: 'node2', survives: true, moves: [{ vm: 'B', to: 'node1' }], misfits: [], notProtected: ['Local'] },
    ]);
  });

  test('names what would not fit, and the loss that is too much', () => {
    const vms: TestVm[] = [
      { name: 'A', on: 'node1', memoryBytes: 600 * MEBIBYTE },
      { name: 'B', on: 'node2', memoryBytes: 200 * MEBIBYTE },
      { name: 'C', on: 'node3', memoryBytes: 700 * MEBIBYTE },
    ];
    const { survives, text, nodes } = decideSurvival(testCluster(up('node1', 'node2', 'node3'), vms), NOW);
    expect(survives).toBe(true);
    expect(nodes.map(({ node }) => node)).toEqual(['node1', 'node2', 'node3']);
    expect(text).toContain('any one');
    const tight = decideSurvival(
      testCluster(
        up('node1', 'node3'),
        vms.filter(({ on }) => on !== 'node2'),
      ),
      NOW,
    );
    expect(tight.survives).toBe(false);
    expect(tight.text).toBe(
      'The cluster does not survive the loss of every node: without node1 there is no place for A (600 MiB); without node3 there is no place for C (700 MiB).',
    );
    expect(tight.nodes[0]?.misfits).toEqual([
      { vm: 'A', memoryBytes: 600 * MEBIBYTE, reason: 'node3: not enough memory' },
    ]);
  });

  test('counts on no paused node, and not on room that VMs of a lost one are about to take', () => {
    const vms: TestVm[] = [
      { name: 'A', on: 'node1', memoryBytes: 600 * MEBIBYTE },
      { name: 'B', on: 'node4', memoryBytes: 600 * MEBIBYTE },
    ];
    const paused = { mode: 'paused' as const, since: '', by: '', drain: null };
    const two = [{ name: 'node1' }, { name: 'node2', service: paused }];
    expect(decideSurvival(testCluster(two, vms.slice(0, 1)), NOW).survives).toBe(false);
    const four = [...up('node1', 'node2'), { name: 'node4', is: 'fenced' as const }];
    expect(decideSurvival(testCluster(four, vms), NOW).nodes).toMatchObject([
      { node: 'node1', survives: false },
      { node: 'node2', survives: true },
    ]);
  });

  test('one node alone survives nothing', () => {
    const alone = decideSurvival(testCluster(up('node1'), [{ name: 'A', on: 'node1' }]), NOW);
    expect(alone).toMatchObject({ survives: false, text: 'There is no other node to take over from node1.' });
  });

  test('foresees what the recovery then does', () => {
    const vms = Array.from({ length: 12 }, (_, index) => ({
      ...{ name: `vm${index}`, on: `node${(index % 3) + 1}`, memoryBytes: (1 + (index % 4)) * 64 * MEBIBYTE },
    }));
    const names = ['node1', 'node2', 'node3', 'node4'];
    const foreseen = decideSurvival(testCluster(up(...names), vms), NOW).nodes[0]?.moves ?? [];
    const lost = testCluster(
      names.map((name) => ({ name, is: name === 'node1' ? 'fenced' : 'up' })),
      vms,
    );
    const done = decideRecovery(lost, NOW).flatMap(({ to, vms: moved }) => moved.map(({ vm }) => ({ vm, to })));
    const byName = (a: { vm: string }, b: { vm: string }) => (a.vm < b.vm ? -1 : 1);
    expect(done.sort(byName)).toEqual([...foreseen].sort(byName));
    expect(foreseen).toHaveLength(4);
  });
});
