/** QEMU as a process of this node: as which user it runs, and when it has really ended. */
import { readdirSync, statSync } from 'node:fs';
import { getPriority } from 'node:os';
import type { Accelerator } from '../../model/vm.ts';
import {
  isAlive,
  killAndWait,
  type ProcessIdentity,
  processIdentity,
  readLastLines,
} from '../processes/detached-process.ts';

export interface QemuUser {
  readonly uid: number;
  readonly gid: number;
}

export interface QemuLaunch {
  readonly binary: string;
  /** Null: as the agent's own user. */
  readonly user: QemuUser | null;
}

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
}

const KVM_DEVICE = '/dev/kvm';
const LAST_WORDS_LINES = 5;

/** `setpriv` replaces itself by QEMU, so that the process id stays the same. */
export function qemuCommand(launch: QemuLaunch, accelerator: Accelerator, args: readonly string[]): Command {
  const { binary, user } = launch;
  if (user === null) return { command: binary, args };
  const groups = accelerator === 'kvm' ? ['--groups', `${statSync(KVM_DEVICE).gid}`] : ['--clear-groups'];
  const identity = ['--reuid', `${user.uid}`, '--regid', `${user.gid}`, ...groups];
  return { command: 'setpriv', args: [...identity, '--', binary, ...args] };
}

/** Joins a control group, then becomes the program: not one instruction of QEMU's runs outside of its group. */
const JOIN_GROUP = 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"';

/** The command as it runs in this control group (null: in the agent's own), and no more important to the kernel than other programs. */
export function placedCommand({ command, args }: Command, group: string | null): Command {
  // An agent may run at a raised priority, which its guests must not inherit: they would take the CPU from it and from the guard.
  const raised = -getPriority();
  const plain = raised > 0 ? { command: 'nice', args: ['-n', `${raised}`, command, ...args] } : { command, args };
  if (group === null) return plain;
  return { command: 'sh', args: ['-c', JOIN_GROUP, 'sh', group, plain.command, ...plain.args] };
}

/** The agent's environment is none of QEMU's business. */
export function qemuEnvironment(): Readonly<Record<string, string | undefined>> {
  return { PATH: process.env['PATH'], LC_ALL: 'C' };
}

/**
 * Whether no thread of this process can execute the guest any more. The first thread of a killed process
 * may be a zombie while others are still on a CPU or hold its files, so all of them are looked at.
 */
export function hasEnded(identity: ProcessIdentity): boolean {
  if (isAlive(identity)) return false;
  if (processIdentity(identity.pid)?.startTime !== identity.startTime) return true;
  try {
    return readdirSync(`/proc/${identity.pid}/task`).length <= 1;
  } catch {
    return true;
  }
}

/** SIGKILL; false if it is still there after `timeoutMs` (a thread waits in the kernel for storage, as a rule). */
export async function killForGood(
  identity: ProcessIdentity,
  wait: { readonly timeoutMs: number; readonly sleep: (ms: number) => Promise<void> },
): Promise<boolean> {
  if (!(await killAndWait(identity, 'SIGKILL', wait.timeoutMs))) return false;
  for (let tries = 0; tries < 200; tries += 1) {
    if (hasEnded(identity)) return true;
    await wait.sleep(5);
  }
  return false;
}

/** The last lines a QEMU wrote, without its time stamps. */
export function lastWordsOf(logFile: string): string {
  return readLastLines(logFile, LAST_WORDS_LINES)
    .map((line) => line.replace(/^\d{4}-\d\d-\d\dT\S+ /, ''))
    .join('\n');
}
