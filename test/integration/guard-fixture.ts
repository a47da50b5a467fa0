/** A guard in control groups of its own, with a watchdog that only counts, and processes that stand for QEMU. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, constants, existsSync, mkdirSync, mkdtempSync, openSync } from 'node:fs';
import { readFileSync, readSync, rmSync, rmdirSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createVmSlices } from '../../src/adapters/control-groups/vm-slices.ts';
import { createGuardLink } from '../../src/adapters/guard-link/guard-link.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { cgroupRoot } from '../../src/lab/cgroups.ts';
import type { GuardLink, VmSlices } from '../../src/ports/guard.ts';
import { silentLog } from './peer-link-fixture.ts';

const JOIN = 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"';
const NOTHING = Buffer.alloc(4096);
const LAUNCHER = join(import.meta.dirname, '../../godwit');

export const now = () => systemClock.monotonicMs();

export async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1500; tries += 1) {
    if (holds()) return;
    await sleep(10);
  }
  throw new Error(`after 15 s it was still not so that ${what}`);
}

export class GuardFixture {
  readonly directory = mkdtempSync(join(tmpdir(), 'godwit-guard-'));
  readonly cgroup: string;
  readonly slices: VmSlices;
  readonly #fifo: number;
  readonly #processes: ChildProcess[] = [];
  readonly #links: GuardLink[] = [];
  readonly #mounts: { readonly path: string; readonly device: number }[] = [];
  guard: ChildProcess | null = null;

  constructor(root: string) {
    this.cgroup = join(root, `godwit-test-${this.directory.slice(-6)}`);
    this.slices = createVmSlices(this.cgroup);
    const watchdog = join(this.directory, 'watchdog');
    spawnSync('mkfifo', [watchdog]);
    this.#fifo = openSync(watchdog, constants.O_RDWR | constants.O_NONBLOCK);
    writeFileSync(join(this.directory, 'timeout'), '2\n');
  }

  startGuard(options: { readonly watchdog: boolean }): void {
    const args = ['guard', '--socket', this.socket, '--cgroup', this.cgroup, '--log', this.logFile];
    const watchdog = ['--watchdog', join(this.directory, 'watchdog')];
    if (options.watchdog) args.push(...watchdog, '--watchdog-timeout-file', join(this.directory, 'timeout'));
    this.guard = spawn(LAUNCHER, args, { stdio: 'inherit' });
    this.#processes.push(this.guard);
  }

  get socket(): string {
    return join(this.directory, 'guard.sock');
  }

  get logFile(): string {
    return join(this.directory, 'guard.log');
  }

  log(): string {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : '';
  }

  async connect(): Promise<GuardLink> {
    const link = createGuardLink({ socket: this.socket, clock: systemClock, log: silentLog });
    this.#links.push(link);
    await until('the guard answers', () => link.status() !== null);
    return link;
  }

  /** A program in the group of a VM, as QEMU is started. */
  async start(vm: string, script: string, highlyAvailable = true): Promise<number> {
    const group = this.slices.groupOf(vm, highlyAvailable);
    const child = spawn('sh', ['-c', JOIN, 'sh', group, 'sh', '-c', script], { stdio: 'ignore' });
    this.#processes.push(child);
    await until(`${vm} runs in its group`, () => readFileSync(join(group, 'cgroup.procs'), 'utf8') !== '');
    return child.pid ?? 0;
  }

  /** A program that counts in a file, so that its standing still can be seen from outside. */
  async startCounter(vm: string, highlyAvailable = true): Promise<() => number> {
    const file = join(this.directory, vm);
    await this.start(
      vm,
      `i=0; while :; do i=$((i+1)); echo $i >${file}.new; mv ${file}.new ${file}; sleep 0.02; done`,
      highlyAvailable,
    );
    await until(`${vm} counts`, () => existsSync(file));
    return () => Number(readFileSync(file, 'utf8'));
  }

  /** Bytes that were written to the watchdog since the last call. */
  pets(): string {
    let all = '';
    for (;;) {
      try {
        const length = readSync(this.#fifo, NOTHING, 0, NOTHING.length, null);
        all += NOTHING.toString('latin1', 0, length);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return all;
        throw error;
      }
    }
  }

  /**
   * A file system that does not answer. `unkillable`: it takes requests and never answers them, as storage that hangs does;
   * otherwise it does not even take them, so whoever waits for it can still be killed.
   */
  hangingStorage(unkillable: boolean): string {
    const path = join(this.directory, `mount${this.#mounts.length}`);
    mkdirSync(path);
    const device = openSync('/dev/fuse', constants.O_RDWR | constants.O_NONBLOCK);
    const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
    const mounted = spawnSync('mount', ['-i', '-t', 'fuse', '-o', options, 'godwit-test', path], {
      stdio: ['ignore', 'inherit', 'inherit', device],
    });
    if (mounted.status !== 0) throw new Error('no file system in user space on this machine');
    this.#mounts.push({ path, device });
    if (unkillable) answerInit(device);
    return path;
  }

  /** Takes what waits for the last mount, so that it waits without end. */
  takeRequest(): boolean {
    const mount = this.#mounts.at(-1);
    if (mount === undefined) return false;
    try {
      return readSync(mount.device, Buffer.alloc(1 << 17), 0, 1 << 17, null) > 0;
    } catch {
      return false;
    }
  }

  async close(): Promise<void> {
    for (const link of this.#links) link.close();
    for (const child of this.#processes) child.kill('SIGKILL');
    for (const { path, device } of this.#mounts) {
      spawnSync('umount', ['-l', path]);
      closeSync(device);
    }
    writeFileSync(join(this.cgroup, 'cgroup.kill'), '1');
    await until('all processes have ended', () =>
      readFileSync(join(this.cgroup, 'cgroup.events'), 'utf8').includes('populated 0'),
    );
    closeSync(this.#fifo);
    for (const slice of ['ha-vms', 'other-vms']) {
      const directory = join(this.cgroup, slice);
      for (const vm of ['one', 'two', 'other', 'WebServer']) rmdirIfThere(join(directory, `vm-${vm}`));
      rmdirIfThere(directory);
    }
    rmdirIfThere(this.cgroup);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export async function makeGuardFixture(): Promise<GuardFixture> {
  return new GuardFixture(await cgroupRoot());
}

/** The first exchange of the protocol (linux/fuse.h): version 7.31, no features. */
function answerInit(device: number): void {
  const request = Buffer.alloc(1 << 17);
  readSync(device, request, 0, request.length, null);
  const answer = Buffer.alloc(16 + 64);
  answer.writeUInt32LE(answer.length, 0);
  request.copy(answer, 8, 8, 16);
  answer.writeUInt32LE(7, 16);
  answer.writeUInt32LE(31, 20);
  answer.writeUInt32LE(4096, 36);
  writeSync(device, answer);
}

function rmdirIfThere(directory: string): void {
  if (existsSync(directory)) rmdirSync(directory);
}
