/**
 * `npm run bench:failover`: how long VMs are gone when their node loses its power. A lab of three nodes; the owner of all VMs is
 * crashed, again and again. Options: --runs N (20), --vms N (4), --fencing watchdog|bmc (watchdog).
 */
import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Client, createClient } from '../src/client/client.ts';
import { createNodeTransport } from '../src/client/node-transport.ts';
import { getCluster, listNodes } from '../src/contract/cluster.ts';
import { getMigration, migrateVm } from '../src/contract/migrations.ts';
import { setFencing } from '../src/contract/nodes.ts';
import { createVm, getVm, listVms, startVm } from '../src/contract/vms.ts';
import { machineCgroup } from '../src/lab/cgroups.ts';
import { labBmcs, labBoot, labCrash, labDown, type LabStatus, labUp } from '../src/lab/lab.ts';
import { namespaceOf } from '../src/lab/lab-plan.ts';
import { MEBIBYTE } from '../src/model/units.ts';
import { markdownTable, maximum, percentile, text } from './statistics.ts';

const LAB = 'bench-failover';
const NODES = 3;
const PROCESS_EVERY_MS = 20;
const STATE_EVERY_MS = 50;
const PATIENCE_MS = 180_000;
/** A connection that was refused or lost is tried again soon; one that is not answered at all, after a second. */
const ASK_UNTIL_ANSWERED =
  'until timeout 1 bash -c \'exec 3<>"/dev/tcp/$0/9" && echo status >&3 && read -r _ <&3\' "$1" 2>/dev/null; do sleep 0.1; done';

/** Of one VM, in milliseconds since the crash was asked for. */
interface Course {
  readonly run: number;
  readonly vm: string;
  readonly from: string;
  readonly to: string;
  /** Until its new QEMU process was there. */
  readonly processMs: number;
  /** Until the cluster said that it runs. */
  readonly runningMs: number;
  /** Until its guest answered over TCP, which includes its boot. */
  readonly answersMs: number;
  readonly loadAverage: number;
}

interface Bench {
  readonly status: LabStatus;
  readonly vms: readonly string[];
  /** Through another node than the one that is crashed. */
  readonly clientOf: (node: string) => Client;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '20' },
      vms: { type: 'string', default: '4' },
      fencing: { type: 'string', default: 'watchdog' },
    },
  });
  const [runs, count, fencing] = [Number(values.runs), Number(values.vms), values.fencing];
  if (!(runs >= 1 && count >= 1) || !['watchdog', 'bmc'].includes(fencing)) {
    throw new Error('Usage: --runs N --vms N --fencing watchdog|bmc');
  }
  const { status, wasUp } = await labUp({ name: LAB, nodes: NODES, progress: (line) => console.error(line) });
  if (wasUp) throw new Error(`A lab "${LAB}" is up already. Take it down: ./godwit lab down --name ${LAB}`);
  const interrupted = new Promise<never>((_resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => reject(new Error(signal)));
  });
  const courses: Course[] = [];
  try {
    await Promise.race([measure(status, { runs, count, fencing, courses }), interrupted]);
  } finally {
    await labDown(LAB);
    if (courses.length > 0) await report(courses, fencing);
  }
}

interface Plan {
  readonly runs: number;
  readonly count: number;
  readonly fencing: string;
  readonly courses: Course[];
}

async function measure(status: LabStatus, { runs, count, fencing, courses }: Plan): Promise<void> {
  const ca = await readFile(status.caCertificate, 'utf8');
  const { user, password } = status;
  const clients = new Map(
    status.urls.map((url, index) => [
      `node${index + 1}`,
      createClient(createNodeTransport({ url, user, password, ca })),
    ]),
  );
  const clientOf = (node: string) => clients.get(node) ?? fail(`no ${node}`);
  const vms = Array.from({ length: count }, (_, index) => `Guest${index + 1}`);
  const bench = { status, vms, clientOf };
  if (fencing === 'bmc') {
    for (const { node, agent, options } of await labBmcs(LAB)) {
      await clientOf('node1').call(setFencing, { params: { name: node }, body: { agent, options: { ...options } } });
    }
  }
  for (const name of vms) {
    await clientOf('node1').call(createVm, { body: { name, memoryBytes: 256 * MEBIBYTE, image: 'lab' } });
    await clientOf('node1').call(startVm, { params: { name } });
  }
  for (let run = 1; run <= runs; run += 1) {
    const owner = await gather(bench);
    const found = await crash(bench, { run, owner });
    courses.push(...found);
    for (const one of found) console.error(describe(one));
    await labBoot(LAB, owner);
    await settled(bench);
  }
}

/** Brings all VMs onto the node that has most of them. */
async function gather(bench: Bench): Promise<string> {
  await settled(bench);
  const client = bench.clientOf('node1');
  const owners = (await client.call(listVms)).map(({ owner }) => owner ?? '');
  const counted = new Map(owners.map((owner) => [owner, owners.filter((other) => other === owner).length]));
  const [[node] = ['']] = [...counted].toSorted(([, one], [, other]) => other - one);
  for (const vm of await client.call(listVms)) {
    if (vm.owner === node) continue;
    const started = await client.call(migrateVm, { params: { name: vm.name }, body: { to: node } });
    if (started.dryRun) continue;
    const id = started.migrationId;
    await until(`${vm.name} has moved`, async () => {
      return (await client.call(getMigration, { params: { id } })).state === 'ended';
    });
  }
  await settled(bench);
  return node;
}

/** All nodes are members, the store is whole, all VMs run and their guests answer. */
async function settled({ vms, clientOf, status }: Bench): Promise<void> {
  const client = clientOf('node1');
  await until('the cluster is whole', async () => {
    const nodes = await client.call(listNodes);
    const { quorum, fencing } = await client.call(getCluster);
    const members = nodes.every(({ role, state }) => role === 'witness' || state === 'up' || state === 'quarantined');
    return members && quorum.healthy === quorum.total && fencing.every(({ authority }) => authority === 'held');
  });
  for (const name of vms) {
    await until(`${name} runs`, async () => {
      const vm = await client.call(getVm, { params: { name } });
      return vm.state === 'running' && vm.migration === null;
    });
    await answered(status, await addressOf(client, name));
  }
}

async function crash(bench: Bench, { run, owner }: { run: number; owner: string }): Promise<Course[]> {
  const others = bench.status.machines.flatMap(({ kind, name }) => (kind === 'node' && name !== owner ? [name] : []));
  const client = bench.clientOf(others[0] ?? '');
  const addresses = new Map(await Promise.all(bench.vms.map(async (vm) => [vm, await addressOf(client, vm)] as const)));
  const loadAverage = loadavg()[0] ?? 0;
  const crashedAt = performance.now();
  await labCrash(LAB, owner);
  const since = () => performance.now() - crashedAt;
  return Promise.all(
    bench.vms.map(async (vm): Promise<Course> => {
      const process = newProcess(vm, others).then((to) => ({ to, processMs: since() }));
      const running = until(
        `${vm} runs elsewhere`,
        async () => {
          const { owner: now, state } = await client.call(getVm, { params: { name: vm } });
          return now !== owner && state === 'running';
        },
        STATE_EVERY_MS,
      ).then(since);
      const answers = answered(bench.status, addresses.get(vm) ?? '').then(since);
      const [started, runningMs, answersMs] = await Promise.all([process, running, answers]);
      return { run, vm, from: owner, ...started, runningMs, answersMs, loadAverage };
    }),
  );
}

/** The node on which a QEMU of the VM is, as soon as there is one. */
async function newProcess(vm: string, nodes: readonly string[]): Promise<string> {
  const groups = await Promise.all(
    nodes.map(async (node) => ({
      node,
      path: join(await machineCgroup(LAB, node), `godwit/ha-vms/vm-${vm}/cgroup.procs`),
    })),
  );
  let found = '';
  await until(
    `${vm} has a process`,
    async () => {
      for (const { node, path } of groups) {
        if ((await readFile(path, 'utf8').catch(() => '')).trim() !== '') found = node;
      }
      return found !== '';
    },
    PROCESS_EVERY_MS,
  );
  return found;
}

/** Resolves when the guest's control port has answered, asked from the lab's client machine. */
function answered({ name }: LabStatus, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const shell = ['timeout', `${PATIENCE_MS / 1000}`, 'bash', '-c', ASK_UNTIL_ANSWERED, 'bash', address];
    const child = spawn('ip', ['netns', 'exec', namespaceOf(name, 'client'), ...shell], { stdio: 'ignore' });
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`${address} does not answer`))));
  });
}

async function addressOf(client: Client, name: string): Promise<string> {
  return (await client.call(getVm, { params: { name } })).addresses[0] ?? fail(`${name} has no address`);
}

/** An agent that does not answer for a moment is asked again. */
async function until(what: string, holds: () => Promise<boolean>, everyMs = 250): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  while (!(await holds().catch(() => false))) {
    if (performance.now() > giveUpAt) throw new Error(`Waited ${PATIENCE_MS / 1000} s in vain until ${what}.`);
    await sleep(everyMs);
  }
}

function describe({ run, vm, from, to, processMs, runningMs, answersMs, loadAverage }: Course): string {
  const times = `process ${seconds(processMs)} s, running ${seconds(runningMs)} s, answers ${seconds(answersMs)} s`;
  return `${run}  ${vm}  ${from} to ${to}  ${times}  (load ${loadAverage.toFixed(1)})`;
}

function seconds(value: number | null): string {
  return text(value === null ? null : value / 1000, 1);
}

async function report(courses: readonly Course[], fencing: string): Promise<void> {
  const rows = (
    [
      ['new QEMU process', 'processMs'],
      ['running', 'runningMs'],
      ['guest answers', 'answersMs'],
    ] as const
  ).map(([what, key]) => {
    const values = courses.map((course) => course[key]);
    return [what, seconds(percentile(values, 0.5)), seconds(percentile(values, 0.95)), seconds(maximum(values))];
  });
  const crashes = new Set(courses.map(({ run }) => run)).size;
  console.log(
    `\n${crashes} crashes, ${courses.length} VMs brought back; fencing: ${fencing}; seconds after the crash\n`,
  );
  console.log(markdownTable([['until', 'p50', 'p95', 'max'], ...rows], 1));
  const directory = join(import.meta.dirname, 'results');
  await mkdir(directory, { recursive: true });
  const path = join(directory, `failover-${new Date().toISOString().replaceAll(':', '-')}.json`);
  await writeFile(path, `[\n${courses.map((course) => JSON.stringify({ ...course, fencing })).join(',\n')}\n]\n`);
  console.error(`written to ${path}`);
}

function fail(message: string): never {
  throw new Error(message);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exit(1);
  },
);
