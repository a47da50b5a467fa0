/**
 * `node bench/decisions.ts`: how long the failover's decisions take in large clusters: one node lost, a quarter of the nodes lost,
 * what every look costs when nothing has happened, and whether the cluster survives the loss of each node.
 */
import { decideFailback } from '../src/failover/failback.ts';
import { decideRecovery } from '../src/failover/recovery.ts';
import { decideSurvival } from '../src/failover/survival.ts';
import type { ClusterState } from '../src/model/cluster-state.ts';
import { GIBIBYTE } from '../src/model/units.ts';
import { NOW, testCluster, transact } from '../test/doubles/failover-cluster.ts';

function cluster(nodes: number, vms: number, lost: number): ClusterState {
  return testCluster(
    Array.from({ length: nodes }, (_, index) => ({
      ...{ name: `node${String(index + 1).padStart(3, '0')}`, memoryBytes: 768 * GIBIBYTE, facts: { cpus: 64 } },
      is: index < lost ? ('fenced' as const) : ('up' as const),
    })),
    Array.from({ length: vms }, (_, index) => ({
      ...{ name: `vm${index}`, on: `node${String((index % nodes) + 1).padStart(3, '0')}` },
      memoryBytes: (1 + (index % 7)) * GIBIBYTE,
    })),
  );
}

function timed<T>(run: () => T): { readonly result: T; readonly ms: number } {
  const startedAt = performance.now();
  const result = run();
  return { result, ms: performance.now() - startedAt };
}

const ms = (value: number) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;

function recover(start: ClusterState): string {
  let state = start;
  let deciding = 0;
  let longest = 0;
  let writes = 0;
  let vms = 0;
  for (let round = 1; ; round += 1) {
    const { result, ms: took } = timed(() => decideRecovery(state, NOW));
    deciding += took;
    longest = Math.max(longest, took);
    const due = result.flatMap(({ transaction, vms: moved }) => (transaction === null ? [] : [{ transaction, moved }]));
    if (due.length === 0) {
      return `${vms} VMs in ${round - 1} rounds and ${writes} transactions, deciding ${ms(deciding)}, at most ${ms(longest)} at once`;
    }
    for (const { transaction, moved } of due) {
      const next = transact(state, transaction);
      if (next === null) throw new Error('a transaction of one round was refused');
      state = next;
      writes += 1;
      vms += moved.length;
    }
  }
}

for (const [nodes, vms] of [
  [3, 500],
  [16, 8000],
  [64, 8000],
  [256, 32_000],
] as const) {
  const quiet = cluster(nodes, vms, 0);
  decideRecovery(quiet, NOW);
  console.log(`${nodes} nodes, ${vms} VMs`);
  console.log(`  a look when nothing has happened: ${ms(timed(() => decideRecovery(quiet, NOW)).ms)}`);
  console.log(`  the same for failback: ${ms(timed(() => decideFailback(quiet, NOW)).ms)}`);
  const { result, ms: took } = timed(() => decideSurvival({ ...quiet, vms: new Map(quiet.vms) }, NOW));
  console.log(`  survival of each node's loss: ${ms(took)} (${result.survives ? 'survives' : 'does not survive'})`);
  console.log(`  one node lost: ${recover(cluster(nodes, vms, 1))}`);
  if (nodes > 3) console.log(`  a quarter lost: ${recover(cluster(nodes, vms, nodes / 4))}`);
}
