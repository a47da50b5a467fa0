/** One control group per machine below one per lab: by it all processes of a machine are found, frozen and killed. */
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';

/** Mount point of cgroup version 2: /sys/fs/cgroup, or /sys/fs/cgroup/unified beside version 1. */
export async function cgroupRoot(): Promise<string> {
  for (const line of (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')) {
    const match = /^\d+ \d+ \S+ \/ (\S+) .* - cgroup2 /.exec(line);
    if (match?.[1] !== undefined) return match[1];
  }
  throw new GodwitError({
    code: 'REQUIREMENT_MISSING',
    message: 'No control groups of version 2 (cgroup2) are mounted on this machine.',
    state: NOTHING_CHANGED,
    nextStep: 'Mount them: mount -t cgroup2 none /sys/fs/cgroup',
  });
}

export async function labCgroup(lab: string): Promise<string> {
  return join(await cgroupRoot(), `godwit-lab-${lab}`);
}

export async function machineCgroup(lab: string, machine: string): Promise<string> {
  return join(await labCgroup(lab), machine);
}

export async function makeCgroup(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
}

/** Pids of the processes in the group itself. Empty where there is no group. */
export async function pidsIn(path: string): Promise<number[]> {
  const text = await readFile(join(path, 'cgroup.procs'), 'utf8').catch(() => '');
  return text.trim().split('\n').filter(Boolean).map(Number);
}

/** Kills every process in the group and below it at once, waits until they are gone, and removes the groups. */
export async function killCgroup(path: string): Promise<boolean> {
  if ((await readdir(path).catch(() => undefined)) === undefined) return false;
  await writeFile(join(path, 'cgroup.kill'), '1');
  await writeFile(join(path, 'cgroup.freeze'), '0');
  if (!(await waitForEvent(path, { key: 'populated', value: '0', waitMs: 20_000 }))) {
    throw new GodwitError({
      code: 'LAB_FAILED',
      message: `Processes in ${path} are still there 20 s after they were killed.`,
      state: 'The lab is partly taken down.',
      nextStep: 'See what they wait for (ps, dmesg), then run `godwit lab down` again.',
    });
  }
  await removeTree(path);
  return true;
}

async function removeTree(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true }).catch(() => [])) {
    if (entry.isDirectory()) await removeTree(join(path, entry.name));
  }
  // Killed processes leave the group a moment before the kernel lets go of it.
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await rmdir(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || attempt === 100) throw error;
      await sleep(20);
    }
  }
}

/** Returns when every process has stopped (or runs again). */
export async function setFrozen(path: string, frozen: boolean): Promise<void> {
  const value = frozen ? '1' : '0';
  await writeFile(join(path, 'cgroup.freeze'), value);
  if (await waitForEvent(path, { key: 'frozen', value, waitMs: 5000 })) return;
  throw new GodwitError({
    code: 'LAB_FAILED',
    message: `Not all processes of ${basename(path)} could be ${frozen ? 'frozen' : 'thawed'} within 5 s.`,
    state: 'Some of its processes may be stopped.',
    nextStep: `Run \`godwit lab thaw ${basename(path)}\`, then look at its processes.`,
  });
}

export async function isFrozen(path: string): Promise<boolean> {
  return (await readFile(join(path, 'cgroup.freeze'), 'utf8').catch(() => '0')).trim() === '1';
}

async function waitForEvent(path: string, wanted: { key: string; value: string; waitMs: number }): Promise<boolean> {
  const until = Date.now() + wanted.waitMs;
  for (;;) {
    const events = await readFile(join(path, 'cgroup.events'), 'utf8').catch(() => '');
    if (events === '' || events.split('\n').includes(`${wanted.key} ${wanted.value}`)) return true;
    if (Date.now() > until) return false;
    await sleep(10);
  }
}

/** Labs of which at least the control group is left. */
export async function labsInCgroups(): Promise<string[]> {
  const names = await readdir(dirname(await labCgroup('x'))).catch(() => []);
  return names.filter((name) => name.startsWith('godwit-lab-')).map((name) => name.slice('godwit-lab-'.length));
}
