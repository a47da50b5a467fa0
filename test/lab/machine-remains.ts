/** What of a lab shows on this machine: `lab down` must leave none of it. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupRoot } from '../../src/lab/cgroups.ts';
import { labDirectory } from '../../src/lab/lab-state.ts';

export async function remainsOf(lab: string): Promise<string[]> {
  const root = await cgroupRoot();
  return [
    ...namespacesOf(lab).map((name) => `namespace ${name}`),
    ...processesOf(lab).map((command) => `process ${command}`),
    ...linesWith('/proc/self/mountinfo', [`godwit-${lab}-`, `/lab/${lab}/`]).map((line) => `mount ${line}`),
    ...readdirSync(root)
      .filter((name) => name === `godwit-lab-${lab}`)
      .map((name) => `control group ${name}`),
    ...devices()
      .filter((name) => /cluster|client|uplink|br0|eth0@/.test(name))
      .map((name) => `device ${name}`),
    ...(existsSync(labDirectory(lab)) ? [`directory ${labDirectory(lab)}`] : []),
  ];
}

function namespacesOf(lab: string): string[] {
  if (!existsSync('/run/netns')) return [];
  return readdirSync('/run/netns').filter((name) => name.startsWith(`godwit-${lab}-`));
}

/** Command lines that name the lab, and whatever is in one of its control groups. */
function processesOf(lab: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(join('/proc', pid, 'cmdline'), 'utf8').replaceAll('\0', ' ');
      const cgroups = readFileSync(join('/proc', pid, 'cgroup'), 'utf8');
      // Not this process and its runner, whose command lines may name the lab.
      if (readlinkSync(join('/proc', pid, 'exe')) === process.execPath && command.includes('vitest')) continue;
      if (command.includes(`/lab/${lab}/`) || cgroups.includes(`godwit-lab-${lab}/`)) found.push(`${pid} ${command}`);
    } catch {
      // It ended, or is a kernel thread.
    }
  }
  return found;
}

function linesWith(path: string, texts: readonly string[]): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => texts.some((text) => line.includes(text)));
}

/** Of the host's own network. */
function devices(): string[] {
  return execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.split(': ')[1] ?? '')
    .filter((name) => name !== 'eth0' && name !== '');
}
