/** Makes a cluster out of the machines of a lab, by the same commands that an administrator uses, run on the machines. */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GodwitError, toErrorBody } from '../model/errors.ts';
import { machineCgroup } from './cgroups.ts';
import type { Machine } from './lab-plan.ts';
import { API_PORT } from './lab-plan.ts';
import type { LabState } from './lab-state.ts';
import { labPaths } from './lab-state.ts';
import { configPath, optionsPath } from './machine-files.ts';
import { initPid, JOIN_CGROUP } from './machines.ts';
import { tryCommand } from './run-command.ts';

/** A node that starts is waited for by those that join it. */
const JOIN_WAIT_SECONDS = 60;

/** What a machine runs: nothing until its configuration is there, then the agent, again and again. */
export function agentProgram(launcher: string, machine: Machine, lab: string): string[] {
  const config = configPath(lab, machine.name);
  const subcommand = machine.kind === 'node' ? 'agent' : 'witness';
  const script = 'until [ -e "$0" ]; do sleep 0.05; done; exec "$@"';
  return ['sh', '-c', script, config, launcher, subcommand, '--config', config];
}

interface Created {
  readonly url: string;
  readonly tokens: readonly string[];
}

/** `poweredOn`: by machine, resolves once commands can run there. Resolves when all have joined; their agents may still be starting. */
export async function formCluster(
  state: LabState,
  launcher: string,
  { poweredOn, progress }: { poweredOn: ReadonlyMap<string, Promise<void>>; progress: (line: string) => void },
): Promise<void> {
  const { plan } = state;
  const [first, ...others] = plan.machines.filter((machine) => machine.kind !== 'client');
  if (first === undefined) return;
  await poweredOn.get(first.name);
  const own = machineOptions(state, first);
  const administrator = ['--user', state.user, '--password-file', '-', '--tokens', String(others.length)];
  const create = [launcher, '--json', 'cluster', 'create', plan.name, ...own, ...administrator];
  const { tokens } = (await runGodwit(state, first, { argv: create, input: state.password })) as Created;
  const directory = labPaths.machine(plan.name, first.name);
  await copyFile(join(directory, 'pki/ca-cert.pem'), labPaths.caCertificate(plan.name));
  progress(`${first.name} has made the cluster ${plan.name}`);
  const url = `https://${first.links[0]?.address}:${API_PORT}`;
  await Promise.all(
    others.map(async (machine, index) => {
      await poweredOn.get(machine.name);
      const how = ['--token', tokens[index] ?? '', '--wait', String(JOIN_WAIT_SECONDS)];
      if (machine.kind === 'witness') how.push('--witness');
      const join = [launcher, '--json', 'cluster', 'join', url, ...machineOptions(state, machine), ...how];
      await runGodwit(state, machine, { argv: join });
      progress(`${machine.name} has joined`);
    }),
  );
}

function machineOptions({ plan }: LabState, machine: Machine): string[] {
  const lab = plan.name;
  return [
    ...['--node', machine.name, '--config-directory', labPaths.machine(lab, machine.name)],
    ...['--options', optionsPath(lab, machine.name)],
  ];
}

/** On the machine; resolves with the document that it prints. Throws what it says on standard error. */
async function runGodwit(
  { plan }: LabState,
  machine: Machine,
  { argv, input }: { argv: readonly string[]; input?: string },
): Promise<unknown> {
  const init = await initPid(plan.name, machine.name);
  const entry = ['nsenter', '--target', String(init), '--net', '--pid', '--mount', '--uts', '--cgroup', '--'];
  const cgroup = await machineCgroup(plan.name, machine.name);
  const command = ['sh', '-c', JOIN_CGROUP, 'sh', cgroup, ...entry, ...argv];
  const result = await tryCommand(command, input === undefined ? {} : { input });
  if (result.status === 0) return JSON.parse(result.stdout);
  const what = `\`godwit ${argv.slice(2, 4).join(' ')}\` on ${machine.name} failed`;
  throw new GodwitError({
    code: 'LAB_FAILED',
    message: `${what}: ${saidBy(result.stderr)}`,
    state: 'The lab did not come up.',
    nextStep: `Look at what it says and at ${labPaths.agentLog(plan.name, machine.name)}; \`godwit lab up --keep\` leaves the lab for inspection.`,
  });
}

function saidBy(stderr: string): string {
  try {
    const body = JSON.parse(stderr) as ReturnType<typeof toErrorBody>;
    return `${body.message} (${body.code})`;
  } catch {
    return stderr.trim() || 'it said nothing.';
  }
}
