/**
 * Processes that outlive the agent: started in a session of their own with their output in a file, and
 * known by pid *and* start time, because a pid alone may by now belong to another process.
 *
 * Whoever starts one writes its identity to a file in the runtime directory, and adopts it at the next
 * start of the agent. A start time counts clock ticks since boot, so a file that outlives a boot also
 * has to note {@link bootId}.
 */
import { spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Identifies one process until the next boot. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot, as text. */
  readonly startTime: string;
}

export interface DetachedCommand {
  /** Path of the program; not looked up through a shell. */
  readonly command: string;
  readonly args: readonly string[];
  /** Receives stdout and stderr; appended to, created with mode 0640. */
  readonly logFile: string;
  readonly cwd?: string;
  /** The whole environment of the process; the agent's own if left out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Starts the command in its own session. Rejects if it cannot be executed; an early end shows in {@link isAlive}. */
export async function spawnDetached(options: DetachedCommand): Promise<ProcessIdentity> {
  const log = openSync(options.logFile, 'a', 0o640);
  try {
    const child = spawn(options.command, [...options.args], {
      detached: true,
      stdio: ['ignore', log, log],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: { ...options.env } }),
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    const { pid } = child;
    if (pid === undefined) throw new Error(`${options.command} was started without a process id`);
    // Read at once: Node.js reaps the child only in a later turn of the event loop, so until then even
    // a process that ended immediately still has its entry in /proc.
    const identity = processIdentity(pid);
    child.unref();
    return identity ?? { pid, startTime: 'ended' };
  } finally {
    closeSync(log);
  }
}

/** True while exactly this process exists and has not ended. A zombie has ended: it runs nothing and holds nothing. */
export function isAlive(identity: ProcessIdentity): boolean {
  const stat = readStat(identity.pid);
  return stat !== undefined && stat.startTime === identity.startTime && stat.state !== 'Z' && stat.state !== 'X';
}

/** The identity of the process that has this pid now; undefined if there is none. */
export function processIdentity(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  return stat === undefined ? undefined : { pid, startTime: stat.startTime };
}

/**
 * The first running process whose command line (program, then arguments) satisfies `matches`. For one whose identity
 * could not be noted, because the agent was killed between starting it and writing the note.
 */
export function findProcess(matches: (commandLine: readonly string[]) => boolean): ProcessIdentity | undefined {
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    let commandLine: string;
    try {
      commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    } catch {
      // It has ended meanwhile.
      continue;
    }
    const identity = matches(commandLine.split('\0').slice(0, -1)) ? processIdentity(pid) : undefined;
    if (identity !== undefined && isAlive(identity)) return identity;
  }
  return undefined;
}

/**
 * Sends the signal to this process, and to no other, and waits for its end.
 * Returns false if it is still there after `timeoutMs`.
 */
export async function killAndWait(
  identity: ProcessIdentity,
  signal: NodeJS.Signals,
  timeoutMs: number,
): Promise<boolean> {
  if (!isAlive(identity)) return true;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return true;
    throw error;
  }
  const giveUpAt = performance.now() + timeoutMs;
  let pauseMs = 1;
  while (isAlive(identity)) {
    if (performance.now() >= giveUpAt) return false;
    await sleep(pauseMs);
    pauseMs = Math.min(pauseMs * 2, 20);
  }
  return true;
}

/** Changes with every boot: start times of different boots cannot be compared. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

const LOG_TAIL_BYTES = 64 * 1024;

/** The last `count` lines of a log, from its last 64 KiB; empty if there is no such file. */
export function readLastLines(file: string, count: number): string[] {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  try {
    const { size } = fstatSync(fd);
    const start = Math.max(0, size - LOG_TAIL_BYTES);
    const buffer = Buffer.alloc(size - start);
    const length = readSync(fd, buffer, 0, buffer.length, start);
    const lines = buffer.toString('utf8', 0, length).split('\n');
    if (lines.at(-1) === '') lines.pop();
    return lines.slice(-count);
  } finally {
    closeSync(fd);
  }
}

function readStat(pid: number): { readonly state: string; readonly startTime: string } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // ENOENT, or ESRCH when the process ends between open and read.
    return undefined;
  }
  return parseProcessStat(text);
}

/** State and start time from a line of /proc/PID/stat. Field 2, the name, may itself hold spaces and parentheses. */
export function parseProcessStat(text: string): { readonly state: string; readonly startTime: string } | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  const startTime = fields[19];
  return state === undefined || startTime === undefined ? undefined : { state, startTime };
}
