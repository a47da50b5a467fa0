/** What a lab needs of this machine; each missing thing is said in one sentence, before anything is made. */
import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { cgroupRoot } from './cgroups.ts';
import { rootNeeded } from './lab-state.ts';
import { labEnvironment, programMissing } from './run-command.ts';

export const ETCD_BINARY = '/var/cache/godwit/etcd/usr/bin/etcd';
export const QEMU_BINARY = '/usr/bin/qemu-system-x86_64';

const PROGRAMS = ['ip', 'tc', 'nsenter', 'unshare', 'flock', 'mount', 'umount', 'tini'];
const PROGRAMS_OF_AGENTS = ['qemu-system-x86_64', 'qemu-img', 'bridge', 'ethtool', 'ipmi_sim'];

export function requireRoot(what: string): void {
  if (process.getuid?.() !== 0) throw rootNeeded(what);
}

/** @param launcher The `godwit` that is started on the machines; null: something else is, which needs no QEMU and no etcd. */
export async function checkRequirements(launcher: string | null): Promise<void> {
  requireRoot('bring a lab up');
  for (const program of [...PROGRAMS, ...(launcher === null ? [] : PROGRAMS_OF_AGENTS)]) {
    if (!(await isInPath(program))) throw programMissing(program);
  }
  await checkCgroups();
  if (launcher === null) return;
  await checkFile(launcher, 'the launcher `godwit`', 'Use a complete checkout of the repository.');
  await checkFile(
    ETCD_BINARY,
    "etcd's binary",
    'Run `npm run demo` once, which unpacks it from the Debian package etcd-server.',
  );
  await checkFile('/dev/net/tun', 'the device for virtual network cards', 'Load its kernel module: modprobe tun');
}

async function checkCgroups(): Promise<void> {
  const root = await cgroupRoot();
  const line = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').find((text) => text.includes(` ${root} `));
  if (!/^\S+ \S+ \S+ \S+ \S+ ro[, ]/.test(line ?? '')) return;
  throw new GodwitError({
    code: 'REQUIREMENT_MISSING',
    message: `The control groups at ${root} are mounted read-only.`,
    state: NOTHING_CHANGED,
    nextStep: `Use a virtual machine instead of a container, or: mount -o remount,rw ${root}`,
  });
}

async function checkFile(path: string, what: string, nextStep: string): Promise<void> {
  if (await isThere(path)) return;
  throw new GodwitError({
    code: 'REQUIREMENT_MISSING',
    message: `${path}, ${what}, is missing on this machine.`,
    state: NOTHING_CHANGED,
    nextStep,
  });
}

async function isInPath(program: string): Promise<boolean> {
  for (const directory of (labEnvironment()['PATH'] ?? '').split(delimiter)) {
    if (await isThere(join(directory, program), constants.X_OK)) return true;
  }
  return false;
}

function isThere(path: string, mode: number = constants.F_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
