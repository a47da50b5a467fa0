/**
 * `npm run bench`: Godwit's live migration beside that of QEMU alone, in the same lab and in turns.
 * Options: --runs N (per variant and scenario, 15), --link RATE (1gbit), --scenario TEXT
 * (only those with this in their name), --accelerator auto|kvm|tcg.
 */
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Client, createClient } from '../src/client/client.ts';
import { createNodeTransport } from '../src/client/node-transport.ts';
import { labDown, type LabStatus, labUp } from '../src/lab/lab.ts';
import { QEMU_BINARY } from '../src/lab/requirements.ts';
import { GodwitError } from '../src/model/errors.ts';
import { formatBytes, MEBIBYTE } from '../src/model/units.ts';
import { cycleOrder, type Measurement, type Scenario, SCENARIOS, type Variant, VARIANTS } from './bench-plan.ts';
import { createGodwitVm, deleteGodwitVm, migrateGodwitVm } from './godwit-vm.ts';
import { bootOf, type Guest, startLoad, stopLoad, waitForGuest } from './guest-control.ts';
import { type Figures, RAW_ADDRESS, RawVm } from './raw-vm.ts';
import { resultsTable } from './results-table.ts';

const LAB = 'bench';
const GUEST_MEMORY_BYTES = 256 * MEBIBYTE;
const PAUSE_MS = 700;
/** The guests still start this and that when they first answer. */
const GUESTS_SETTLE_MS = 10_000;

interface Options {
  readonly runs: number;
  readonly link: string;
  /** Part of the name of the scenarios to measure; empty: all. */
  readonly scenario: string;
  readonly accelerator: 'auto' | 'kvm' | 'tcg';
}

interface Bench {
  readonly client: Client;
  readonly raw: RawVm;
  /** Another one after the guest was lost. */
  godwitGuest: Guest;
  readonly rawGuest: Guest;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '15' },
      scenario: { type: 'string', default: '' },
      link: { type: 'string', default: '1gbit' },
      accelerator: { type: 'string', default: 'auto' },
    },
  });
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) throw new Error('--runs takes a whole number from 1 on.');
  const accelerator = (['auto', 'kvm', 'tcg'] as const).find((one) => one === values.accelerator);
  if (accelerator === undefined) throw new Error('--accelerator takes auto, kvm or tcg.');
  return { runs, link: values.link, scenario: values.scenario, accelerator };
}

async function main(): Promise<void> {
  const options = readOptions();
  const interrupted = interruption();
  const coming = bringUp(options);
  coming.catch(() => undefined);
  let own = true;
  try {
    await Promise.race([
      coming.then(
        (status) => measureAll(status, options),
        (error: unknown) => {
          own = !(error instanceof LabInUse);
          throw error;
        },
      ),
      interrupted,
    ]);
  } finally {
    await coming.catch(() => undefined);
    if (own) await labDown(LAB, (line) => console.error(line));
  }
}

class LabInUse extends Error {}
class Interrupted extends Error {}

async function bringUp({ link, accelerator }: Options): Promise<LabStatus> {
  const { status, wasUp } = await labUp({ name: LAB, link, accelerator, progress: (line) => console.error(line) });
  if (wasUp) throw new LabInUse(`A lab "${LAB}" is up already. Take it down: ./godwit lab down --name ${LAB}`);
  return status;
}

/** Rejects when the user or the system wants an end; further signals do not disturb the clearing up. */
function interruption(): Promise<never> {
  return new Promise((_resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => reject(new Interrupted(`ended by ${signal}`)));
    }
  });
}

async function measureAll(status: LabStatus, options: Options): Promise<void> {
  const ca = await readFile(status.caCertificate, 'utf8');
  const { url, user, password } = status;
  const transport = createNodeTransport({ url, user, password, ca });
  try {
    const startedAt = new Date().toISOString();
    const client = createClient(transport);
    const vm = await createGodwitVm(client, GUEST_MEMORY_BYTES);
    const from = status.machines.find((machine) => machine.kind === 'client')?.namespace ?? '';
    const raw = await RawVm.create(status, vm);
    const rawGuest = { name: 'BareServer', address: RAW_ADDRESS, from };
    const godwitGuest = { name: vm.name, address: vm.addresses[0] ?? '', from };
    await Promise.all([waitForGuest(rawGuest), waitForGuest(godwitGuest)]);
    await sleep(GUESTS_SETTLE_MS);
    const machine = { ...describeMachine(), accelerator: vm.accelerator, cpuModel: vm.cpuModel, link: options.link };
    const bench: Bench = { client, raw, godwitGuest, rawGuest };
    const measurements: Measurement[] = [];
    for (const scenario of SCENARIOS.filter(({ name }) => name.includes(options.scenario))) {
      for (let cycle = 0; cycle < options.runs; cycle += 1) {
        for (const variant of cycleOrder(cycle, VARIANTS)) {
          const measurement = await measureOne(bench, scenario, variant);
          measurements.push(measurement);
          tell(measurement, cycle);
        }
      }
      // After every scenario, so that a run that is broken off leaves what it has.
      await writeResults({ startedAt, endedAt: new Date().toISOString(), options, machine, measurements });
    }
    console.log(`\n${JSON.stringify(machine)}\n\n${resultsTable(measurements)}`);
  } finally {
    transport.close();
  }
}

async function measureOne(bench: Bench, scenario: Scenario, variant: Variant): Promise<Measurement> {
  const guest = variant === 'raw' ? bench.rawGuest : bench.godwitGuest;
  const loadBytesPerSecond = await startLoad(guest, scenario.load);
  const boot = await bootOf(guest);
  const loadAverage = loadavg()[0] ?? 0;
  const figures = await migrate(bench, variant);
  await sleep(PAUSE_MS);
  const guestSurvived = boot !== null && (await bootOf(guest)) === boot;
  if (guestSurvived) await stopLoad(guest, scenario.load);
  else await replaceGuest(bench, variant);
  return { scenario: scenario.name, variant, ...figures, guestSurvived, loadBytesPerSecond, loadAverage };
}

/** A guest that broke on the way must not break the measurements after it. */
async function replaceGuest(bench: Bench, variant: Variant): Promise<void> {
  if (variant === 'raw') {
    await bench.raw.restart();
  } else {
    await deleteGodwitVm(bench.client);
    const vm = await createGodwitVm(bench.client, GUEST_MEMORY_BYTES);
    bench.godwitGuest = { ...bench.godwitGuest, address: vm.addresses[0] ?? '' };
  }
  await waitForGuest(variant === 'raw' ? bench.rawGuest : bench.godwitGuest);
}

function migrate({ client, raw }: Bench, variant: Variant): Promise<Figures> {
  return variant === 'raw' ? raw.migrate() : migrateGodwitVm(client, variant === 'godwit-tls');
}

function tell(one: Measurement, cycle: number): void {
  const parts = [
    `${cycle + 1}`,
    one.scenario,
    one.variant,
    `${one.source} to ${one.destination}`,
    one.failure ??
      `total ${one.totalMs?.toFixed(0)} ms, blackout ${one.blackoutMs?.toFixed(1)} ms, ${one.rounds} rounds`,
    ...(one.guestSurvived ? [] : ['THE GUEST IS LOST']),
  ];
  console.error(parts.join('  '));
}

function describeMachine(): Record<string, unknown> {
  const [cpu] = cpus();
  const qemu = execFileSync(QEMU_BINARY, ['--version'], { encoding: 'utf8' }).split('\n')[0];
  return {
    cores: cpus().length,
    cpu: cpu?.model,
    memory: formatBytes(totalmem()),
    kernel: release(),
    qemu,
    node: process.version,
    guestMemory: formatBytes(GUEST_MEMORY_BYTES),
  };
}

async function writeResults(results: { readonly startedAt: string } & Record<string, unknown>): Promise<void> {
  const directory = join(import.meta.dirname, 'results');
  await mkdir(directory, { recursive: true });
  const path = join(directory, `${results.startedAt.replaceAll(':', '-')}.json`);
  await writeFile(path, `${JSON.stringify(results, null, 2)}\n`);
  console.error(`written to ${path}`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    const isPlain = [GodwitError, LabInUse, Interrupted].some((kind) => error instanceof kind);
    console.error(isPlain || !(error instanceof Error) ? String(error) : (error.stack ?? error.message));
    if (error instanceof GodwitError) console.error(error.nextStep);
    process.exit(1);
  },
);
