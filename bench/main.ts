/**
 * `npm run bench`: Godwit's live migration beside that of QEMU alone, in the same lab and in turns, as the guest's
 * client sees it. Options: --runs N (per variant and scenario, 15), --link RATE[,RATE…] (1gbit), --scenario TEXT
 * (only those with this in their name), --variant VARIANT[,VARIANT…], --accelerator auto|kvm|tcg.
 */
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { createClient } from '../src/client/client.ts';
import { createNodeTransport } from '../src/client/node-transport.ts';
import { labDown, type LabStatus, labUp } from '../src/lab/lab.ts';
import { QEMU_BINARY } from '../src/lab/requirements.ts';
import { GodwitError } from '../src/model/errors.ts';
import { formatBytes } from '../src/model/units.ts';
import { cycleOrder, type LinkFigures, type Measurement, type Scenario, type Variant } from './bench-plan.ts';
import { criteriaTable } from './criteria.ts';
import { Guests } from './guests.ts';
import { measureLink } from './link-rate.ts';
import { measureOne, measureUploadAlone, type Place } from './measure.ts';
import { networkGapMs } from './observed.ts';
import { type Options, readOptions, WrongUsage } from './options.ts';
import { linkTable, resultsTables } from './results-table.ts';

const LAB = 'bench';

/** What one call of the bench found out; grows, and is written after every scenario. */
interface Results {
  readonly startedAt: string;
  endedAt: string;
  readonly options: Options;
  readonly machine: Record<string, unknown>;
  readonly links: LinkFigures[];
  /** Bits per second that arrive in a guest that does not move. */
  readonly uploadsAlone: { link: string; variant: Variant; bitsPerSecond: number | null }[];
  readonly measurements: Measurement[];
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const interrupted = interruption();
  interrupted.catch(() => undefined);
  const results: Results = {
    ...{ startedAt: new Date().toISOString(), endedAt: '', options, machine: describeMachine() },
    ...{ links: [], uploadsAlone: [], measurements: [] },
  };
  for (const link of options.links) await measureInLab(link, { results, interrupted });
  console.log(report(results));
}

/** Takes the lab down in any case, unless it is somebody else's. */
async function measureInLab(
  link: string,
  { results, interrupted }: { results: Results; interrupted: Promise<never> },
): Promise<void> {
  const coming = bringUp(link, results.options.accelerator);
  let own = true;
  const measured = coming.then(
    (status) => measureAll(status, link, results),
    (error: unknown) => {
      own = !(error instanceof LabInUse);
      throw error;
    },
  );
  // After an interruption nobody waits for it any more.
  measured.catch(() => undefined);
  try {
    await Promise.race([measured, interrupted]);
  } finally {
    await coming.catch(() => undefined);
    if (own) await labDown(LAB, (line) => console.error(line));
  }
}

class LabInUse extends Error {}
class Interrupted extends Error {}

async function bringUp(link: string, accelerator: Options['accelerator']): Promise<LabStatus> {
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

async function measureAll(status: LabStatus, link: string, results: Results): Promise<void> {
  const ca = await readFile(status.caCertificate, 'utf8');
  const { url, user, password } = status;
  const transport = createNodeTransport({ url, user, password, ca });
  try {
    results.links.push(await measureLink(status, link));
    const guests = new Guests(status, createClient(transport));
    const place = { guests, lab: LAB, link };
    for (const scenario of results.options.scenarios) {
      const variants = results.options.variants.filter((variant) => scenario.variants.includes(variant));
      if (variants.length === 0) continue;
      await guests.prepare(scenario);
      Object.assign(results.machine, { accelerator: guests.vm.accelerator, cpuModel: guests.vm.cpuModel });
      await measureScenario(place, { scenario, variants, results });
      // After every scenario, so that a run that is broken off leaves what it has.
      await writeResults(results);
    }
  } finally {
    transport.close();
  }
}

interface Part {
  readonly scenario: Scenario;
  readonly variants: readonly Variant[];
  readonly results: Results;
}

async function measureScenario(place: Place, { scenario, variants, results }: Part): Promise<void> {
  if (scenario.client === 'upload') {
    // Once per guest: Godwit's variants move the same one.
    const byGuest = new Map(variants.toReversed().map((variant) => [place.guests.guestOf(variant).name, variant]));
    for (const variant of byGuest.values()) {
      const bitsPerSecond = await measureUploadAlone(place, variant);
      results.uploadsAlone.push({ link: place.link, variant, bitsPerSecond });
    }
  }
  for (let cycle = 0; cycle < Math.min(results.options.runs, scenario.runsMax); cycle += 1) {
    for (const variant of cycleOrder(cycle, variants)) {
      const measurement = await measureOne(place, scenario, variant);
      results.measurements.push(measurement);
      tell(measurement, cycle);
    }
  }
}

function tell(one: Measurement, cycle: number): void {
  const gapMs = networkGapMs(one);
  const parts = [
    `${cycle + 1}`,
    one.scenario,
    one.variant,
    `${one.source} to ${one.destination}`,
    one.failure ??
      `total ${one.totalMs?.toFixed(0)} ms, blackout ${one.blackoutMs?.toFixed(1)} ms, ${one.rounds} rounds`,
    ...(gapMs === null ? [] : [`network gap ${gapMs.toFixed(1)} ms`]),
    ...(one.client === null ? ['THE CLIENT SAW NOTHING'] : []),
    ...(one.client?.broken ? [`CLIENT: ${one.client.broken}`] : []),
    ...(one.guestSurvived ? [] : ['THE GUEST IS LOST']),
  ];
  console.error(parts.join('  '));
}

function report({ links, machine, measurements, uploadsAlone }: Results): string {
  const alone = uploadsAlone.map(({ link, variant, bitsPerSecond }) => {
    const rate = bitsPerSecond === null ? 'nothing' : `${(bitsPerSecond / 1e6).toFixed(0)} Mbit/s`;
    return `- upload without a migration, ${link}, guest of ${variant}: ${rate} of the 500 Mbit/s offered arrive`;
  });
  // The criteria are made for a link that is a limit.
  const judged = links.filter(({ link }) => link !== 'none' || links.length === 1);
  const verdicts = judged.map((figures) => {
    const own = measurements.filter((one) => one.link === figures.link);
    return `Criteria, ${figures.link}:\n\n${criteriaTable(own, figures)}`;
  });
  const parts = [JSON.stringify(machine), resultsTables(measurements), alone.join('\n')];
  return `\n${[...parts, linkTable(links, measurements), ...verdicts].filter((part) => part !== '').join('\n\n')}`;
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
  };
}

async function writeResults(results: Results): Promise<void> {
  results.endedAt = new Date().toISOString();
  const directory = join(import.meta.dirname, 'results');
  await mkdir(directory, { recursive: true });
  const path = join(directory, `${results.startedAt.replaceAll(':', '-')}.json`);
  // One line per measurement: with all the gaps and bins it would be thousands of lines otherwise.
  const { measurements, ...rest } = results;
  const lines = measurements.map((one) => JSON.stringify(one)).join(',\n');
  await writeFile(path, `${JSON.stringify(rest, null, 2).replace(/\n}$/, '')},\n"measurements": [\n${lines}\n]}\n`);
  console.error(`written to ${path}`);
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    const isPlain = [GodwitError, LabInUse, Interrupted, WrongUsage].some((kind) => error instanceof kind);
    console.error(isPlain || !(error instanceof Error) ? String(error) : (error.stack ?? error.message));
    if (error instanceof GodwitError) console.error(error.nextStep);
    process.exit(1);
  },
);
