/**
 * The control groups (version 2) that VMs run in: `ha-vms/<vm>`, which the guard freezes and kills, and `other-vms/<vm>`, which
 * it leaves alone. Written to synchronously: whether a guest may go on is decided between two of these calls.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GodwitError, NOTHING_CHANGED } from '../../model/errors.ts';
import { HA_GROUP, OTHER_GROUP } from '../../model/guard-line.ts';
import type { VmSlices } from '../../ports/guard.ts';

/** Keeps a VM's name apart from the kernel's own files. */
const GROUP_PREFIX = 'vm-';
const KILL_POLL_MS = 10;

/** @param directory In a mounted cgroup2; made if it is missing. Throws REQUIREMENT_MISSING where that is impossible. */
export function createVmSlices(directory: string): VmSlices {
  try {
    for (const slice of [HA_GROUP, OTHER_GROUP]) mkdirSync(join(directory, slice), { recursive: true });
  } catch (error) {
    throw noGroups(directory, error);
  }
  if (!existsSync(join(directory, HA_GROUP, 'cgroup.freeze'))) throw noGroups(directory);
  return new CgroupSlices(directory);
}

class CgroupSlices implements VmSlices {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  groupOf(vm: string, highlyAvailable: boolean): string {
    const group = this.#group(vm, highlyAvailable);
    mkdirSync(group, { recursive: true });
    // Held frozen for a process that is gone by now: the next one would not even start.
    if (eventsOf(group).includes('populated 0')) writeFileSync(join(group, 'cgroup.freeze'), '0');
    return group;
  }

  move(pid: number, group: string): void {
    writeFileSync(join(group, 'cgroup.procs'), `${pid}`);
  }

  holdFrozen(vm: string): void {
    this.#freeze(vm, '1');
  }

  thaw(vm: string): void {
    this.#freeze(vm, '0');
  }

  isFrozen(vm: string): boolean {
    return eventsOf(this.#group(vm, true)).includes('frozen 1');
  }

  highlyAvailable(): readonly string[] {
    const names = readdirSync(join(this.#directory, HA_GROUP)).filter((name) => name.startsWith(GROUP_PREFIX));
    const vms = names.map((name) => name.slice(GROUP_PREFIX.length));
    return vms.filter((vm) => eventsOf(this.#group(vm, true)).includes('populated 1')).sort();
  }

  async kill(vm: string, timeoutMs: number): Promise<boolean> {
    const group = this.#group(vm, true);
    const giveUpAt = performance.now() + timeoutMs;
    for (;;) {
      if (!eventsOf(group).includes('populated 1')) return true;
      write(join(group, 'cgroup.kill'), '1');
      if (performance.now() >= giveUpAt) return false;
      await sleep(KILL_POLL_MS);
    }
  }

  remove(vm: string): void {
    for (const highlyAvailable of [true, false]) {
      try {
        rmdirSync(this.#group(vm, highlyAvailable));
      } catch {
        // It is not there, or something runs in it; a process that is just ending leaves it to the next `groupOf`.
      }
    }
  }

  #freeze(vm: string, value: '0' | '1'): void {
    write(join(this.#group(vm, true), 'cgroup.freeze'), value);
  }

  #group(vm: string, highlyAvailable: boolean): string {
    return join(this.#directory, highlyAvailable ? HA_GROUP : OTHER_GROUP, `${GROUP_PREFIX}${vm}`);
  }
}

/** Without a group nothing of the VM runs, and there is nothing to do. */
function write(file: string, value: string): void {
  try {
    writeFileSync(file, value);
  } catch (error) {
    if (!['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** Lines of cgroup.events; empty where there is no such group. */
function eventsOf(group: string): readonly string[] {
  try {
    return readFileSync(join(group, 'cgroup.events'), 'utf8').split('\n');
  } catch {
    return [];
  }
}

function noGroups(directory: string, cause?: unknown): GodwitError {
  return new GodwitError(
    {
      code: 'REQUIREMENT_MISSING',
      message: `No control groups of version 2 can be made in ${directory}.`,
      state: NOTHING_CHANGED,
      nextStep: 'Mount them (mount -t cgroup2 none /sys/fs/cgroup) and name a directory in them as `guard.cgroup`.',
    },
    cause,
  );
}
