import { describe, expect, test } from 'vitest';
import { NOW, type TestNode, testCluster, type TestVm, transact } from '../../test/doubles/failover-cluster.ts';
import type { NodeService } from '../model/authority.ts';
import { openMigration } from '../migration/open-migration.ts';
import { applyEntries, type ClusterState } from '../model/cluster-state.ts';
import { keys } from '../model/keys.ts';
import { GIBIBYTE, MEBIBYTE } from '../model/units.ts';
import { type DrainStep, nextDrainSteps, planDrain } from './drain.ts';

const requestedAt = new Date(NOW.wallMs - 60_000).toISOString();

function draining(vms: readonly string[], failures: NonNullable<NodeService['drain']>['failures'] = {}): NodeService {
  return { mode: 'draining', since: requestedAt, by: 'admin', drain: { id: 'd', requestedAt, vms, failures } };
}

function cluster(
  vms: readonly TestVm[],
  more: { others?: TestNode[]; failures?: Parameters<typeof draining>[1] } = {},
) {
  const service = draining(
    vms.filter(({ on }) => on === 'node1').map(({ name }) => name),
    more.failures,
  );
  const others = more.others ?? [{ name: 'node2' }, { name: 'node3' }];
  return testCluster([{ name: 'node1', service }, ...others], vms);
}

function set(state: ClusterState, key: string, value: unknown): ClusterState {
  const revision = String(Number(state.revision) + 1);
  return applyEntries(state, { entries: [{ key, value, modRevision: revision }], revision, nowMs: NOW.monotonicMs });
}

/** The migration has happened. */
function arrived(state: ClusterState, vm: string, to: string): ClusterState {
  return set(state, keys.vmOwner(vm), { node: to });
}

function receipt(vm: string, secondsAgo: number, outcome: string) {
  const endedAt = new Date(NOW.wallMs - secondsAgo * 1000).toISOString();
  return {
    id: `r${secondsAgo}`,
    vm,
    source: 'node1',
    destination: 'node2',
    outcome,
    startedAt: requestedAt,
    endedAt,
    reason: 'no',
  };
}

const migrating = (steps: readonly DrainStep[]) => steps.flatMap((step) => (step.kind === 'migrate' ? [step.vm] : []));

describe('planDrain', () => {
  test('says the order, where to, how long, and everything that is in the way', () => {
    const vms: TestVm[] = [
      { name: 'Small', on: 'node1', memoryBytes: 128 * MEBIBYTE },
      { name: 'Big', on: 'node1', memoryBytes: 512 * MEBIBYTE },
      { name: 'Urgent', on: 'node1', availability: { priority: 'high' } },
      { name: 'Off', on: 'node1', state: 'off' },
      { name: 'Paused', on: 'node1', state: 'paused' },
      { name: 'Huge', on: 'node1', memoryBytes: 2 * GIBIBYTE },
      { name: 'Starting', on: 'node1', state: 'starting' },
    ];
    const state = testCluster(
      [{ name: 'node1', memoryBytes: 8 * GIBIBYTE }, { name: 'node2' }, { name: 'node3' }],
      vms,
    );
    const plan = planDrain(state, NOW, 'node1');
    expect(plan.moves.map(({ vm, how }) => `${vm} ${how}`)).toEqual([
      'Urgent live',
      'Big live',
      'Off owner',
      'Small live',
    ]);
    expect(plan.blockers.map(({ vm }) => vm).sort()).toEqual(['Huge', 'Paused']);
    expect(plan.blockers.find(({ vm }) => vm === 'Huge')?.reasons).toHaveLength(2);
    expect(plan.waiting).toEqual([{ vm: 'Starting', reasons: ['Starting is starting.'] }]);
    const [urgent] = plan.moves;
    // 256 MiB at 117 MB/s, and what every migration takes.
    expect(urgent?.estimateMs).toBeCloseTo(2294 + 1500, -1);
    const one = testCluster([{ name: 'node1' }, { name: 'node2' }], [{ name: 'Alone', on: 'node1' }]);
    const alone = planDrain(one, NOW, 'node1');
    expect(alone.moves).toHaveLength(1);
    expect(alone.estimateMs).toBe(alone.moves[0]?.estimateMs);
    expect(plan.basis).toBe('a link of 1 Gbit/s is assumed');
  });

  test('does not promise the same room twice', () => {
    const vms = ['A', 'B', 'C'].map((name) => ({ name, on: 'node1', memoryBytes: 600 * MEBIBYTE }));
    const state = testCluster(
      [{ name: 'node1', memoryBytes: 4 * GIBIBYTE }, { name: 'node2' }, { name: 'node3' }],
      vms,
    );
    const plan = planDrain(state, NOW, 'node1');
    expect(plan.moves.map(({ to }) => to).sort()).toEqual(['node2', 'node3']);
    expect(plan.blockers).toEqual([
      { vm: 'C', reasons: ['The room that is left is needed by VMs that are moved before it.'] },
    ]);
  });
});

describe('nextDrainSteps', () => {
  test('gives a saved VM another owner, with its memory in its file', () => {
    const saved = { path: '/volumes/shared/a.memory', sizeBytes: 1000, definitionHash: 'h', savedAt: requestedAt };
    const state = cluster([{ name: 'A', on: 'node1', state: 'saved', record: { desired: 'off', saved } }]);
    const [step] = nextDrainSteps(state, NOW, 'node1').steps;
    if (step === undefined || step.kind === 'migrate') throw new Error('It was to get another owner.');
    expect(step.event?.text).toMatch(/^A, which is saved, now belongs to node[23]\.$/);
    const after = transact(state, step.transaction)?.vms.get('A');
    expect(after?.owner?.value.node).toMatch(/node[23]/);
    expect(after?.record.value.saved).toEqual(saved);
    expect(after?.status?.value).toMatchObject({ state: 'saved', node: after?.owner?.value.node });
  });

  test('does nothing for a node that is not drained', () => {
    const state = testCluster([{ name: 'node1' }, { name: 'node2' }], [{ name: 'A', on: 'node1' }]);
    expect(nextDrainSteps(state, NOW, 'node1')).toMatchObject({ kind: 'not-draining', steps: [] });
  });

  test('goes on from any state until the node is empty, two at a time, then pauses it', () => {
    const vms: TestVm[] = ['A', 'B', 'C'].map((name) => ({ name, on: 'node1' }));
    let state = cluster([...vms, { name: 'Off', on: 'node1', state: 'off' }]);
    const first = nextDrainSteps(state, NOW, 'node1');
    expect(migrating(first.steps)).toEqual(['A', 'B']);
    const owner = first.steps.find(({ kind }) => kind === 'move-owner');
    state = (owner?.kind === 'move-owner' && transact(state, owner.transaction)) || state;
    expect(state.vms.get('Off')?.owner?.value.node).not.toBe('node1');

    // While two are on their way the third waits, whoever looks.
    const intent = (vm: string) => ({ vm, source: 'node1', destination: 'node2' });
    const moving = set(set(state, keys.vmIntent('A'), intent('A')), keys.vmIntent('B'), intent('B'));
    expect(nextDrainSteps(moving, NOW, 'node1')).toMatchObject({ kind: 'moving', steps: [] });

    state = arrived(arrived(state, 'A', 'node2'), 'B', 'node3');
    expect(migrating(nextDrainSteps(state, NOW, 'node1').steps)).toEqual(['C']);
    state = arrived(state, 'C', 'node2');
    const last = nextDrainSteps(state, NOW, 'node1');
    expect(last).toMatchObject({ kind: 'done', steps: [{ kind: 'finish', event: { kind: 'node-drained' } }] });
    const [finish] = last.steps;
    state = (finish?.kind === 'finish' && transact(state, finish.transaction)) || state;
    expect(state.nodes.get('node1')?.service?.value).toMatchObject({
      mode: 'paused',
      drain: { vms: ['A', 'B', 'C', 'Off'] },
    });
  });

  test('moves nothing once it was cancelled, although the step was decided before', () => {
    const state = cluster([
      { name: 'A', on: 'node1' },
      { name: 'Off', on: 'node1', state: 'off' },
    ]);
    const { steps } = nextDrainSteps(state, NOW, 'node1');
    expect(steps).toHaveLength(2);
    const transactions = steps.flatMap((step) => {
      if (step.kind !== 'migrate') return [step.transaction];
      const entry = state.vms.get(step.vm);
      if (entry === undefined) return [];
      const wishes = { budgetMs: 50, budgetMaxMs: 50, bandwidthBytesPerSecond: null, encrypted: true };
      const input = { id: 'm', entry, destination: step.to, activity: null, nowMs: NOW.wallMs, wishes };
      return [openMigration(state, input)?.transaction ?? { compare: [], write: [] }];
    });
    const cancelled = set(state, keys.nodeService('node1'), { ...draining(['A', 'Off']), mode: 'paused' });
    for (const transaction of transactions) {
      expect(transact(state, transaction)).not.toBeNull();
      expect(transact(cancelled, transaction)).toBeNull();
    }
  });

  test('waits for a VM that is just arriving', () => {
    const state = cluster([{ name: 'A', on: 'node2', intent: { destination: 'node1' } }]);
    expect(nextDrainSteps(state, NOW, 'node1')).toMatchObject({ kind: 'moving', steps: [] });
  });

  test('notes a failed move once, tries again after a while, and gives up after three', () => {
    let state = set(cluster([{ name: 'A', on: 'node1' }]), keys.migration('r10'), receipt('A', 10, 'failed'));
    const [note] = nextDrainSteps(state, NOW, 'node1').steps;
    expect(note).toMatchObject({ kind: 'note-failure', event: { critical: false, reason: 'no' } });
    state = (note?.kind === 'note-failure' && transact(state, note.transaction)) || state;
    // Ten seconds ago: the pause after the first failure is over.
    expect(migrating(nextDrainSteps(state, NOW, 'node1').steps)).toEqual(['A']);

    state = set(state, keys.migration('r9'), receipt('A', 9, 'cancelled'));
    const [second] = nextDrainSteps(state, NOW, 'node1').steps;
    state = (second?.kind === 'note-failure' && transact(state, second.transaction)) || state;
    expect(nextDrainSteps(state, NOW, 'node1')).toMatchObject({ kind: 'moving', steps: [] });

    state = set(state, keys.migration('s1'), receipt('A', 1, 'failed'));
    const [third] = nextDrainSteps(state, NOW, 'node1').steps;
    expect(third).toMatchObject({ kind: 'note-failure', event: { critical: true } });
    state = (third?.kind === 'note-failure' && transact(state, third.transaction)) || state;
    const blocked = nextDrainSteps(state, NOW, 'node1');
    expect(blocked).toMatchObject({ kind: 'blocked', steps: [], event: { kind: 'drain-blocked', critical: true } });
    expect(blocked.blockers[0]?.reasons).toEqual(['A could not be moved in 3 tries; the last one: no']);
  });

  test('is not held up by one VM that cannot leave, and goes on when it can', () => {
    const vms: TestVm[] = [
      { name: 'Huge', on: 'node1', memoryBytes: 2 * GIBIBYTE },
      { name: 'A', on: 'node1' },
    ];
    const state = cluster(vms);
    expect(migrating(nextDrainSteps(state, NOW, 'node1').steps)).toEqual(['A']);
    const left = arrived(state, 'A', 'node2');
    expect(nextDrainSteps(left, NOW, 'node1')).toMatchObject({ kind: 'blocked', blockers: [{ vm: 'Huge' }] });
    const larger = set(left, keys.nodeMemory('node3'), { capacityBytes: 4 * GIBIBYTE, allocations: {} });
    expect(migrating(nextDrainSteps(larger, NOW, 'node1').steps)).toEqual(['Huge']);
  });

  test('leaves a node that is gone to the recovery', () => {
    const service = draining(['A']);
    const state = testCluster(
      [{ name: 'node1', is: 'silent', service }, { name: 'node2' }],
      [{ name: 'A', on: 'node1' }],
    );
    expect(nextDrainSteps(state, NOW, 'node1')).toMatchObject({ kind: 'moving', steps: [] });
  });

  test('ends for a node that is gone when its VMs have been recovered, and not before', () => {
    const fenced: TestNode[] = [{ name: 'node1', is: 'fenced', service: draining(['A']) }, { name: 'node2' }];
    const before = testCluster(fenced, [{ name: 'A', on: 'node1' }]);
    expect(nextDrainSteps(before, NOW, 'node1')).toMatchObject({ kind: 'moving', steps: [], left: 1 });
    const after = testCluster(fenced, [{ name: 'A', on: 'node2' }]);
    expect(nextDrainSteps(after, NOW, 'node1')).toMatchObject({ kind: 'done', steps: [{ kind: 'finish' }] });
  });
});
