/**
 * What a real machine has in hardware and a lab's machine has in processes outside of it: the watchdog and the power switch
 * (hardware-process.ts), and the management controller (bmc.ts).
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GodwitError } from '../model/errors.ts';
import { startBmcs } from './bmc.ts';
import { labCgroup, makeCgroup } from './cgroups.ts';
import type { LabState } from './lab-state.ts';
import { labPaths } from './lab-state.ts';
import { JOIN_CGROUP } from './machines.ts';
import { runCommand } from './run-command.ts';
import { WATCHDOG_SECONDS } from './watchdog-device.ts';

/** Returns when everything of it works. The switch and the machines' directories exist; no machine is on yet. */
export async function startHardware(state: LabState): Promise<void> {
  const lab = state.plan.name;
  const nodes = state.plan.machines.filter((machine) => machine.kind === 'node').map((machine) => machine.name);
  for (const node of nodes) {
    await makeFifo(labPaths.watchdogDevice(lab, node));
    await writeFile(labPaths.watchdogTimeout(lab, node), `${WATCHDOG_SECONDS}\n`);
    await makeFifo(labPaths.powerSwitch(lab, node));
  }
  await Promise.all([startProcess(lab, nodes), startBmcs(state)]);
}

async function makeFifo(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await runCommand(['mkfifo', path]);
}

async function startProcess(lab: string, nodes: readonly string[]): Promise<void> {
  const cgroup = join(await labCgroup(lab), 'hardware');
  await makeCgroup(cgroup);
  const log = openSync(labPaths.hardwareLog(lab), 'a');
  const program = [process.execPath, join(import.meta.dirname, 'hardware-process.ts'), lab, ...nodes];
  const child = spawn('sh', ['-c', JOIN_CGROUP, 'sh', cgroup, ...program], {
    cwd: '/',
    detached: true,
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('error', reject);
    child.once('exit', (status) => reject(hardwareFailed(status)));
  });
  child.removeAllListeners('exit');
  child.disconnect();
  child.unref();
}

function hardwareFailed(status: number | null): GodwitError {
  return new GodwitError({
    code: 'LAB_FAILED',
    message: `The lab's watchdog ended with status ${status ?? 'unknown'} at its start.`,
    state: 'The lab is partly up.',
    nextStep: 'Run `godwit lab down`, then try again.',
  });
}
