/** The commands of the lab. Their words are few, so they share a file. */
import * as lab from '../lab/lab.ts';
import type { CutDirection, LabNetwork, LabStatus } from '../lab/lab.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { environmentInMachine } from './lab-access.ts';
import type { Look, Style } from './look.ts';
import { renderFacts, renderTable } from './table.ts';

export interface UpOptions {
  readonly name: string;
  readonly nodes: number;
  readonly witness: boolean;
  readonly link: string;
  /** Bytes. */
  readonly nodeMemory?: number;
  readonly migrationTls?: 'on' | 'off';
  readonly accelerator?: 'auto' | 'kvm' | 'tcg';
  readonly watchdog: boolean;
  readonly keep?: boolean;
}

export async function labUp(context: Context, options: UpOptions): Promise<ExitStatus> {
  const { status, wasUp } = await lab.labUp({
    name: options.name,
    nodes: options.nodes,
    witness: options.witness,
    link: options.link,
    ...(options.nodeMemory !== undefined && { nodeMemoryBytes: options.nodeMemory }),
    ...(options.migrationTls !== undefined && { migrationTls: options.migrationTls === 'on' }),
    ...(options.accelerator !== undefined && { accelerator: options.accelerator }),
    watchdog: options.watchdog,
    ...(options.keep === true && { keep: true }),
    progress: progressOf(context),
  });
  report(context, status, () => {
    const head = wasUp ? `The lab ${status.name} was up already.` : `The lab ${status.name} is up.`;
    return `${head}\n\n${renderLab(status, context.output.look)}`;
  });
  return EXIT_DONE;
}

export async function labDown(context: Context, name: string): Promise<ExitStatus> {
  const existed = await lab.labDown(name, progressOf(context));
  report(context, { name, existed }, () => (existed ? `The lab ${name} is gone.` : `There was no lab ${name}.`));
  return EXIT_DONE;
}

export async function labStatus(context: Context, name: string | undefined): Promise<ExitStatus> {
  const names = name === undefined ? await lab.labNames() : [name];
  // With none, or one, the status says what is wrong or how it is.
  if (names.length < 2) {
    const status = await lab.labStatus(names[0] ?? lab.DEFAULT_LAB_NAME);
    report(context, status, () => renderLab(status, context.output.look));
    return EXIT_DONE;
  }
  const chosen = names.includes(lab.DEFAULT_LAB_NAME) ? lab.DEFAULT_LAB_NAME : (names[0] ?? '');
  const status = await lab.labStatus(chosen);
  const others = names.filter((other) => other !== chosen).join(', ');
  report(context, status, () => `${renderLab(status, context.output.look)}\n\nOther labs (--name): ${others}`);
  return EXIT_DONE;
}

/** The document is what `nodes/<name>/fencing` of the cluster takes. */
export async function labBmc(context: Context, name: string): Promise<ExitStatus> {
  const bmcs = await lab.labBmcs(name);
  report(context, bmcs, () =>
    renderTable(
      bmcs,
      [
        { title: 'NODE', value: (bmc) => bmc.node },
        { title: 'FENCE AGENT', value: (bmc) => bmc.agent },
        { title: 'ADDRESS', value: (bmc) => bmc.options['ip'] ?? '–' },
        { title: 'USER', value: (bmc) => bmc.options['username'] ?? '–' },
        { title: 'PASSWORD', value: (bmc) => bmc.options['password'] ?? '–' },
      ],
      context.output.look,
    ),
  );
  return EXIT_DONE;
}

export async function labExec(
  name: string,
  machine: string,
  given: { readonly command: readonly string[]; readonly launcherDirectory: string },
): Promise<ExitStatus> {
  // So that `godwit` in there means this lab and this checkout; a lab that cannot be read is labExec's to refuse.
  Object.assign(process.env, await environmentInMachine(name, machine).catch(() => ({})));
  process.env['PATH'] = `${given.launcherDirectory}:${process.env['PATH'] ?? ''}`;
  // The command in the machine gets the signal too, and decides.
  const ignore = () => undefined;
  process.on('SIGINT', ignore);
  return lab.labExec(name, machine, given.command);
}

const EVENTS = {
  crash: { run: lab.labCrash, done: 'has lost its power' },
  freeze: { run: lab.labFreeze, done: 'stands still' },
  thaw: { run: lab.labThaw, done: 'goes on' },
  boot: { run: lab.labBoot, done: 'is switched on' },
} as const;
export type LabEvent = keyof typeof EVENTS;

export async function labEvent(
  context: Context,
  machine: string,
  options: { readonly name: string; readonly event: LabEvent },
): Promise<ExitStatus> {
  const { run, done } = EVENTS[options.event];
  await run(options.name, machine);
  return reportMachine(context, { name: options.name, machine, done });
}

export async function labCable(
  context: Context,
  machine: string,
  options: { readonly name: string; readonly network?: LabNetwork; readonly cut: CutDirection | null },
): Promise<ExitStatus> {
  const { name, network, cut } = options;
  await (cut === null
    ? lab.labMend(name, machine, network)
    : lab.labCut(name, machine, { direction: cut, ...(network !== undefined && { network }) }));
  const what = network === undefined ? 'all networks' : `the ${network} network`;
  const done = {
    both: `is cut off from ${what}`,
    in: `hears nothing on ${what}, and is heard`,
    out: `is not heard on ${what}, and hears`,
    none: `is connected to ${what}`,
  }[cut ?? 'none'];
  return reportMachine(context, { name, machine, done });
}

async function reportMachine(
  context: Context,
  event: { readonly name: string; readonly machine: string; readonly done: string },
): Promise<ExitStatus> {
  const status = await lab.labStatus(event.name);
  const found = status.machines.find((candidate) => candidate.name === event.machine) ?? null;
  report(context, found, () => `${event.machine} ${event.done}.`);
  return EXIT_DONE;
}

/** With --json standard output is for the document alone. */
function progressOf(context: Context): lab.Progress {
  return context.json ? () => undefined : (line) => context.output.print(`· ${line}`);
}

const STATE_STYLES: Readonly<Record<string, Style>> = { up: 'green', frozen: 'yellow', cut: 'yellow' };

export function renderLab(status: LabStatus, look: Look): string {
  const facts = renderFacts(
    [
      ['lab', `${status.name} (${status.state})`],
      ['API', status.url],
      ['user', status.user],
      ['password', status.password],
      ['CA', status.caCertificate],
    ],
    look,
  );
  const machines = renderTable(
    status.machines,
    [
      { title: 'MACHINE', value: (machine) => machine.name },
      { title: 'KIND', value: (machine) => machine.kind },
      { title: 'STATE', value: (machine) => stateText(machine, look) },
      { title: 'ADDRESS', value: (machine) => machine.address },
      { title: 'API', value: (machine) => machine.url ?? '–' },
    ],
    look,
  );
  return `${facts}\n\n${machines}`;
}

function stateText(machine: LabStatus['machines'][number], look: Look): string {
  const cuts = Object.entries(machine.cut).map(([network, way]) => (way === 'both' ? network : `${network} ${way}`));
  const cut = cuts.length === 0 ? '' : ` (cut: ${cuts.join(', ')})`;
  return look.paint(STATE_STYLES[machine.state] ?? 'red', machine.state) + cut;
}
