/** Where a lab keeps its files, its state file, and the lock against two commands at once. */
import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import type { Cuts, LabPlan } from './lab-plan.ts';
import { labEnvironment, programMissing } from './run-command.ts';

export const LABS_DIRECTORY = '/var/lib/godwit/lab';
const LOCKS_DIRECTORY = join(LABS_DIRECTORY, '.locks');
const STATE_FORMAT = 2;

export function labDirectory(lab: string): string {
  return join(LABS_DIRECTORY, lab);
}

export const labPaths = {
  state: (lab: string) => join(labDirectory(lab), 'state.json'),
  caCertificate: (lab: string) => join(labDirectory(lab), 'ca-cert.pem'),
  volume: (lab: string) => join(labDirectory(lab), 'volumes/volume1'),
  gatewayLog: (lab: string) => join(labDirectory(lab), 'gateway.log'),
  machine: (lab: string, machine: string) => join(labDirectory(lab), 'machines', machine),
  guardLog: (lab: string, machine: string) => join(labDirectory(lab), 'machines', machine, 'log/guard.log'),
  /** A FIFO, at the same path inside of the machine. */
  watchdogDevice: (lab: string, machine: string) => join(labDirectory(lab), 'machines', machine, 'watchdog/device'),
  watchdogTimeout: (lab: string, machine: string) => join(labDirectory(lab), 'machines', machine, 'watchdog/timeout'),
  /** A FIFO that the node's management controller writes to. */
  powerSwitch: (lab: string, machine: string) => join(labDirectory(lab), 'machines', machine, 'bmc/power'),
  bmcLog: (lab: string) => join(labDirectory(lab), 'bmc.log'),
  /** What watchdogs and power switches did. */
  hardwareLog: (lab: string) => join(labDirectory(lab), 'hardware.log'),
  agentLog: (lab: string, machine: string) => join(labDirectory(lab), 'machines', machine, 'log/agent.log'),
};

/** `none`: no guard either, for tests of the lab itself. `alone`: a guard without a watchdog. */
export type LabGuard = 'none' | 'alone' | 'watchdog';

export interface LabState {
  readonly format: typeof STATE_FORMAT;
  /** `starting` until every agent has answered. */
  readonly phase: 'starting' | 'up';
  readonly createdAt: string;
  /** The process that brings the lab up. */
  readonly builder: { readonly pid: number; readonly startTime: string };
  readonly plan: LabPlan;
  readonly user: string;
  readonly password: string;
  /** What runs on a machine, by its name: the argv that is started again whenever it ends. */
  readonly programs: Readonly<Record<string, readonly string[]>>;
  /** What stands behind the agents of the nodes. */
  readonly guard: LabGuard;
  /** Of the nodes' management controllers; null: they have none. */
  readonly bmc: { readonly user: string; readonly password: string } | null;
  /** Cut networks by machine, so that a machine that is booted finds its cables as they were. */
  readonly cut: Readonly<Record<string, Cuts>>;
}

export function newState(state: Omit<LabState, 'format' | 'phase' | 'createdAt' | 'cut'>): LabState {
  return { format: STATE_FORMAT, phase: 'starting', createdAt: new Date().toISOString(), cut: {}, ...state };
}

/** Whole or not at all. Readable by root only: the password is in it. */
export async function writeState(state: LabState): Promise<void> {
  const path = labPaths.state(state.plan.name);
  await writeFile(`${path}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** `none`: no such lab. `garbled`: there is something, but its state file is missing or cannot be read. */
export async function readState(lab: string): Promise<LabState | 'none' | 'garbled'> {
  let text: string;
  try {
    text = await readFile(labPaths.state(lab), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES') throw rootNeeded('read the state of the lab');
    if (code !== 'ENOENT') throw error;
    return (await stat(labDirectory(lab)).catch(() => undefined)) === undefined ? 'none' : 'garbled';
  }
  try {
    const state = JSON.parse(text) as LabState;
    return state.format === STATE_FORMAT && Array.isArray(state.plan?.machines) ? state : 'garbled';
  } catch {
    return 'garbled';
  }
}

/** Names of all labs that have a directory, sorted. */
export async function labsOnDisk(): Promise<string[]> {
  const names = await readdir(LABS_DIRECTORY).catch(() => []);
  return names.filter((name) => !name.startsWith('.')).sort();
}

/**
 * Keeps other commands from the same lab (or, with ".index", from allocating) until it is disposed of.
 * The lock is held by a child on flock(1) whose input is a pipe from here, so it goes with this process however that ends.
 */
export async function lock(name: string, waitSeconds = 90): Promise<AsyncDisposable> {
  await mkdir(LOCKS_DIRECTORY, { recursive: true });
  const argv = ['--timeout', String(waitSeconds), join(LOCKS_DIRECTORY, name), 'sh', '-c', 'echo locked; exec cat'];
  const child = spawn('flock', argv, { env: labEnvironment(), stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const locked = await new Promise<boolean>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? programMissing('flock') : error),
    );
    child.stdout.once('data', () => resolve(true));
    child.once('close', () => resolve(false));
  });
  if (!locked) {
    throw new GodwitError({
      code: 'LAB_FAILED',
      message: `Another command has been working on the lab "${name}" for more than ${waitSeconds} s.`,
      state: NOTHING_CHANGED,
      nextStep: 'Wait for the other command, or end it, then try again.',
    });
  }
  return {
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}

export function rootNeeded(what: string): GodwitError {
  return new GodwitError({
    code: 'REQUIREMENT_MISSING',
    message: `Only root may ${what}: it consists of network namespaces, control groups and mounts.`,
    state: NOTHING_CHANGED,
    nextStep: 'Run the command as root, for example with sudo.',
  });
}
