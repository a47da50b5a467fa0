/**
 * `node bench/heartbeats.ts [--agents 64] [--seconds 60]`: heartbeats and watches of many agents against a real etcd of three members on this
 * machine. Each simulated agent has connections of its own, writes the transaction that a real one writes, once a second (as in
 * clusters above 40 nodes), and decodes the whole cluster's heartbeats from its watch.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/adapters/system/system-clock.ts';
import { watchCluster } from '../src/agent/cluster-view.ts';
import { HEARTBEAT_ATTEMPT_MS, LARGE_CLUSTER_HEARTBEAT_MS, type NodeHeartbeat } from '../src/model/authority.ts';
import { keys } from '../src/model/keys.ts';
import { startTestCluster, type TestCluster } from '../test/integration/etcd-fixture.ts';
import { percentile } from './statistics.ts';

/** The agents share the machine with the database, so they share processes. */
const PROCESSES = 2;
const WARM_UP_MS = 5000;

interface Result {
  readonly latenciesMs: readonly number[];
  readonly failed: number;
  readonly changesSeen: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { agents: { type: 'string' }, seconds: { type: 'string' } } });
  const agents = Number(values.agents ?? '64');
  const seconds = Number(values.seconds ?? '60');
  const cluster = await startTestCluster();
  try {
    const results = await Promise.all(
      Array.from({ length: PROCESSES }, (_, index) => runProcess(cluster, { index, agents, seconds })),
    );
    report(results, { agents, seconds });
  } finally {
    await cluster.remove();
  }
}

interface Share {
  readonly index: number;
  readonly agents: number;
  readonly seconds: number;
}

function runProcess(cluster: TestCluster, share: Share): Promise<Result> {
  const [first] = cluster.members;
  if (first === undefined) throw new Error('There is no member.');
  const child = fork(fileURLToPath(import.meta.url), ['--child'], { serialization: 'json' });
  child.send({ share, options: first.options, members: cluster.members.map(({ options }) => options.address) });
  return new Promise((resolve, reject) => {
    child.once('message', (result) => resolve(result as Result));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`A process of agents ended with ${code}.`)));
  });
}

function report(results: readonly Result[], { agents, seconds }: { agents: number; seconds: number }): void {
  const latencies = results.flatMap((one) => one.latenciesMs);
  const failed = results.reduce((sum, one) => sum + one.failed, 0);
  const seen = results.reduce((sum, one) => sum + one.changesSeen, 0);
  const figure = (share: number) => `${percentile(latencies, share).toFixed(1)} ms`;
  console.log(`${agents} agents for ${seconds} s, one heartbeat a second each, three etcd members on this machine`);
  console.log(`heartbeats   ${latencies.length} committed, ${failed} not answered within ${HEARTBEAT_ATTEMPT_MS} ms`);
  console.log(`latency      p50 ${figure(0.5)}, p95 ${figure(0.95)}, p99 ${figure(0.99)}, max ${figure(1)}`);
  console.log(`watches      ${Math.round(seen / seconds)} heartbeats decoded per second by all agents together`);
}

async function beChild(): Promise<void> {
  const { createEtcdStore } = await import('../src/adapters/etcd/etcd-store.ts');
  const { readFileSync } = await import('node:fs');
  const message = await new Promise<{
    share: Share;
    options: { clientPort: number; pki: { caCertificate: string; certificate: string; key: string } };
    members: string[];
  }>((resolve) => process.once('message', (value) => resolve(value as never)));
  const { share, options, members } = message;
  const names = ['node1', 'node2', 'witness'];
  const latenciesMs: number[] = [];
  let failed = 0;
  let changesSeen = 0;
  let counting = false;
  const own = Array.from({ length: share.agents }, (_, index) => index).filter((n) => n % PROCESSES === share.index);
  const ends = own.map((number) => {
    const store = createEtcdStore({
      endpoints: members.map((address, index) => ({ name: names[index] ?? '', address, port: options.clientPort })),
      localFirst: names[number % names.length] ?? '',
      ca: readFileSync(options.pki.caCertificate),
      cert: readFileSync(options.pki.certificate),
      key: readFileSync(options.pki.key),
      clock: systemClock,
    });
    const view = watchCluster(store, systemClock);
    view.subscribe(() => {
      if (counting) changesSeen += 1;
    });
    let sequence = 0;
    const beat = async () => {
      sequence += 1;
      const startedAtMs = performance.now();
      const write = [{ put: keys.nodeHeartbeat(`node${number}`), value: heartbeatOf(sequence) }];
      const compare = [{ key: keys.nodeMembership(`node${number}`), modRevision: '0' }];
      const outcome = await store.transact({ compare, write }, HEARTBEAT_ATTEMPT_MS);
      if (!counting) return;
      if (outcome.kind === 'applied') latenciesMs.push(performance.now() - startedAtMs);
      else failed += 1;
    };
    const phase = setTimeout(() => void beat(), (number / share.agents) * LARGE_CLUSTER_HEARTBEAT_MS);
    const stop = systemClock.every(LARGE_CLUSTER_HEARTBEAT_MS, () => void beat());
    return () => {
      clearTimeout(phase);
      stop();
      view.close();
      store.close();
    };
  });
  await systemClock.sleep(WARM_UP_MS);
  counting = true;
  await systemClock.sleep(share.seconds * 1000);
  counting = false;
  for (const end of ends) end();
  process.send?.({ latenciesMs, failed, changesSeen } satisfies Result);
  process.disconnect();
}

function heartbeatOf(sequence: number): NodeHeartbeat {
  return {
    ...{ sequence, bootId: '00000000-0000-4000-8000-000000000000', agentId: '00000000-0000-4000-8000-000000000000' },
    ...{ voters: ['node1', 'node2', 'node3'], votesNeeded: 2, takeoverMs: 7500, promises: [] },
    guard: { watchdogMs: 2000, latencyMaxMs: 20, frozen: false },
  };
}

await (process.argv.includes('--child') ? beChild() : main());
