/** Starts, finds and stops the processes of a lab's machines. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, realpathSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GodwitError } from '../model/errors.ts';
import { killCgroup, machineCgroup, makeCgroup, pidsIn } from './cgroups.ts';
import type { Machine } from './lab-plan.ts';
import { namespaceOf } from './lab-plan.ts';
import type { LabState } from './lab-state.ts';
import { labPaths } from './lab-state.ts';
import { makeMachineNetwork, removeMachineNetwork } from './namespaces.ts';
import { guardCommand } from './node-guard.ts';
import { REPOSITORY } from './repository.ts';
import { labEnvironment } from './run-command.ts';
import { disarmWatchdog } from './watchdog-device.ts';

/** Joins a control group and becomes the program: `sh -c JOIN_CGROUP sh <group> <argv…>`. */
export const JOIN_CGROUP = 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"';

/** Network, namespaces and processes of a machine; its directory exists. Returns when its first process has started. */
export async function powerOn(state: LabState, machine: Machine): Promise<void> {
  const lab = state.plan.name;
  await makeMachineNetwork(state.plan, machine, state.cut[machine.name] ?? {});
  const cgroup = await machineCgroup(lab, machine.name);
  await makeCgroup(cgroup);
  const directory = labPaths.machine(lab, machine.name);
  const staging = join(directory, 'staging');
  await mkdir(staging, { recursive: true });
  const log = join(directory, 'log/machine.log');
  const output = openSync(log, 'a');
  const unshare = ['unshare', '--pid', '--mount', '--uts', '--cgroup', '--fork', '--kill-child', '--mount-proc'];
  const guard = machine.kind === 'node' ? guardCommand(lab, machine.name, state.guard) : '';
  const agentLog = labPaths.agentLog(lab, machine.name);
  const script = [join(import.meta.dirname, 'machine.sh'), machine.name, staging, agentLog, guard];
  const program = state.programs[machine.name] ?? [];
  const argv = [
    ...['nsenter', `--net=/run/netns/${namespaceOf(lab, machine.name)}`],
    ...[...unshare, 'sh', ...script, ...placesOfPrograms(), '--', ...program],
  ];
  const child = spawn('sh', ['-c', JOIN_CGROUP, 'sh', cgroup, ...argv], {
    cwd: '/',
    detached: true,
    env: machineEnvironment(),
    stdio: ['ignore', output, output],
  });
  child.once('error', () => undefined);
  child.unref();
  closeSync(output);
  await waitForInit(lab, machine.name, log);
}

/** Where this checkout and its Node.js are; they must stay visible in a machine whose /tmp is its own. */
function placesOfPrograms(): string[] {
  const places = [REPOSITORY, join(REPOSITORY, 'node_modules'), dirname(process.execPath)];
  return [...new Set(places.map((path) => realpathSync(path)))];
}

/** Nothing of the user's session, in which variables may point to another cluster. */
function machineEnvironment(): NodeJS.ProcessEnv {
  const { PATH, LC_ALL } = labEnvironment();
  return { PATH, LC_ALL, HOME: '/root' };
}

async function waitForInit(lab: string, machine: string, log: string): Promise<void> {
  const until = Date.now() + 10_000;
  while ((await initPid(lab, machine)) === undefined) {
    if (Date.now() > until) {
      throw new GodwitError({
        code: 'LAB_FAILED',
        message: `${machine} did not start within 10 s: ${(await lastLines(log, 3)) || 'it said nothing.'}`,
        state: 'The lab is partly up.',
        nextStep: 'Run `godwit lab down`, then try again.',
      });
    }
    await sleep(10);
  }
}

/** The machine's process number 1, as this host numbers it, once it is set up; undefined if there is none. */
export async function initPid(lab: string, machine: string): Promise<number | undefined> {
  for (const pid of await pidsIn(await machineCgroup(lab, machine))) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    if (/^NSpid:\t\d+\t1$/m.test(status) && /^Name:\ttini$/m.test(status)) return pid;
  }
  return undefined;
}

/** Everything that a loss of power takes: processes, network devices, /run. The directory stays. */
export async function powerOff(lab: string, machine: string): Promise<void> {
  await killCgroup(await machineCgroup(lab, machine));
  // What is off is not reset; the next guard arms it again.
  disarmWatchdog(lab, machine);
  await removeMachineNetwork(lab, machine);
}

/** Runs a command in a machine (the switch has a network only) on this process's terminal; resolves to its exit status. */
export async function runInMachine(lab: string, machine: string, command: readonly string[]): Promise<number> {
  const init = await initPid(lab, machine);
  const cgroup = await machineCgroup(lab, machine);
  const entry =
    init === undefined
      ? ['nsenter', `--net=/run/netns/${namespaceOf(lab, machine)}`]
      : ['nsenter', '--target', String(init), '--net', '--pid', '--mount', '--uts', '--cgroup'];
  // In the machine's control group, so that it is frozen and killed with it.
  const argv = ['-c', JOIN_CGROUP, 'sh', cgroup, ...entry, '--', ...command];
  return new Promise((resolve, reject) => {
    const child = spawn('sh', argv, { stdio: 'inherit', env: labEnvironment() });
    child.once('error', reject);
    child.once('exit', (status, signal) => resolve(status ?? 128 + constants.signals[signal ?? 'SIGKILL']));
  });
}

export async function lastLines(path: string, count: number): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
