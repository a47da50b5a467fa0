import { readdir, readFile } from 'node:fs/promises';
import { labDown } from '../src/lab/lab.ts';

/** Everything of labs that can be left on this machine, as readable lines. */
export async function tracesOfLabs(): Promise<ReadonlySet<string>> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => line.split(' ')[4] ?? '');
  return new Set([
    ...(await entries('/run/netns', 'godwit-')).map((name) => `network namespace ${name}`),
    ...(await entries('/sys/fs/cgroup', 'godwit-lab-')).map((name) => `control group ${name}`),
    ...(await entries('/sys/fs/cgroup/unified', 'godwit-lab-')).map((name) => `control group ${name}`),
    ...(await entries('/sys/class/net', 'godwit')).map((name) => `network device ${name}`),
    ...mounts.filter((target) => target.startsWith('/var/lib/godwit/')).map((target) => `mount ${target}`),
  ]);
}

/** Processes, other than this one, that inherited `NAME=value` in their environment. */
export async function processesMarked(mark: string): Promise<readonly { pid: number; command: string }[]> {
  const found: { pid: number; command: string }[] = [];
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const variables = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (!variables.split('\0').includes(mark)) continue;
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ').trim();
    if (command !== '') found.push({ pid, command: command.slice(0, 120) });
  }
  return found;
}

/** Takes down what a failed test left, so that the next run starts clean. Labs that were there before stay. */
export async function removeLeftovers(traces: readonly string[], pids: readonly number[]): Promise<void> {
  const labs = new Set(
    traces.flatMap(
      (trace) => /godwit-lab-(.+)$/.exec(trace)?.[1] ?? /^network namespace godwit-(.+)-\w+$/.exec(trace)?.[1] ?? [],
    ),
  );
  for (const lab of labs) {
    await labDown(lab).catch((error: unknown) =>
      console.error(`The lab "${lab}" could not be taken down: ${String(error)}`),
    );
  }
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}

async function entries(directory: string, prefix: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  return names.filter((name) => name.startsWith(prefix)).sort();
}
