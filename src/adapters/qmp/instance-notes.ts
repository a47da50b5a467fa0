/**
 * What an agent notes about a QEMU process, in a directory beside its sockets, so that the next agent
 * finds it. Lost at a reboot, as the process is.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { chmodSync, chownSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GodwitError, NOTHING_CHANGED } from '../../model/errors.ts';
import type { InstanceId, MigrationId } from '../../model/names.ts';
import type { VmDefinition } from '../../model/vm.ts';
import type { ProcessIdentity } from '../processes/detached-process.ts';

export interface InstanceNotes {
  readonly id: InstanceId;
  readonly definition: VmDefinition;
  readonly definitionHash: string;
  readonly incomingMigration: MigrationId | null;
  /** Boot of the machine in which it was started: pids and start times mean nothing in another. */
  readonly bootId: string;
  /** QEMU's log of this run. */
  readonly logFile: string;
  /** Null until the process was started: an agent that died in between left a process that only /proc knows. */
  readonly process: ProcessIdentity | null;
}

export interface InstancePaths {
  readonly directory: string;
  readonly notes: string;
  /** Exists from before the first `cont` on. */
  readonly mayHaveRun: string;
  readonly qmpSocket: string;
  readonly serialSocket: string;
  /** Only of a VM with a graphics card. */
  readonly vncSocket: string;
  /** See rehearsal-note.ts. */
  readonly rehearsal: string;
  readonly rehearsalSocket: string;
  /** See saved-memory.ts. */
  readonly memorySocket: string;
}

/** A Unix socket's path has room for 107 bytes and a terminating zero. */
const SOCKET_PATH_BYTES_MAX = 107;

export function instancesDirectory(runtimeDirectory: string): string {
  return join(runtimeDirectory, 'vms');
}

export function instancePaths(runtimeDirectory: string, id: InstanceId): InstancePaths {
  const directory = join(instancesDirectory(runtimeDirectory), id);
  return {
    directory,
    notes: join(directory, 'notes.json'),
    mayHaveRun: join(directory, 'may-have-run'),
    qmpSocket: join(directory, 'qmp.sock'),
    // The longest of the sockets' names.
    serialSocket: join(directory, 'serial.sock'),
    vncSocket: join(directory, 'vnc.sock'),
    rehearsal: join(directory, 'rehearsal'),
    rehearsalSocket: join(directory, 'try.sock'),
    memorySocket: join(directory, 'memory.sock'),
  };
}

/** Throws REQUIREMENT_MISSING if the sockets' paths would be too long. */
export function createInstanceDirectory(paths: InstancePaths, user: { readonly gid: number } | null): void {
  if (Buffer.byteLength(paths.serialSocket) > SOCKET_PATH_BYTES_MAX) {
    throw new GodwitError({
      code: 'REQUIREMENT_MISSING',
      message: `The path ${paths.serialSocket} is longer than the ${SOCKET_PATH_BYTES_MAX} bytes a Unix socket may have.`,
      state: NOTHING_CHANGED,
      nextStep: 'Give the agent a shorter `runtimeDirectory` and restart it.',
    });
  }
  createSocketDirectory(paths.directory, user);
}

/**
 * The directory belongs to the agent, its group is QEMU's, and its sticky bit is set: QEMU makes its
 * sockets there, but cannot remove what the agent noted.
 */
export function createSocketDirectory(directory: string, user: { readonly gid: number } | null): void {
  // QEMU's user passes through the directories above, but does not read them.
  mkdirSync(dirname(directory), { recursive: true, mode: 0o711 });
  mkdirSync(directory, { mode: 0o700 });
  if (user === null) return;
  chownSync(directory, -1, user.gid);
  chmodSync(directory, 0o1770);
}

/** Replaced as a whole: a reader sees the old or the new notes. */
export function writeNotes(paths: InstancePaths, notes: InstanceNotes): void {
  const draft = `${paths.notes}.new`;
  writeFileSync(draft, `${JSON.stringify(notes, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, paths.notes);
}

/** Undefined if the agent died before it had written them. */
export function readNotes(paths: InstancePaths): InstanceNotes | undefined {
  if (!existsSync(paths.notes)) return undefined;
  return JSON.parse(readFileSync(paths.notes, 'utf8')) as InstanceNotes;
}

export function noteMayHaveRun(paths: InstancePaths): void {
  const file = openSync(paths.mayHaveRun, 'a', 0o600);
  fsyncSync(file);
  closeSync(file);
  const directory = openSync(paths.directory, 'r');
  fsyncSync(directory);
  closeSync(directory);
}

export function mayHaveRunNoted(paths: InstancePaths): boolean {
  return existsSync(paths.mayHaveRun);
}

export function removeInstanceDirectory(paths: InstancePaths): void {
  rmSync(paths.directory, { recursive: true, force: true });
}

export function listInstanceIds(runtimeDirectory: string): readonly InstanceId[] {
  const directory = instancesDirectory(runtimeDirectory);
  return existsSync(directory) ? readdirSync(directory).sort() : [];
}

/** The process that has this instance's monitor socket among its arguments, for notes without a process. */
export function findProcessId(paths: InstancePaths): number | undefined {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    let commandLine: string;
    try {
      commandLine = readFileSync(`/proc/${entry}/cmdline`, 'utf8');
    } catch {
      // It ended while we were looking.
      continue;
    }
    if (commandLine.includes(`path=${paths.qmpSocket.replaceAll(',', ',,')},`)) return Number(entry);
  }
  return undefined;
}
