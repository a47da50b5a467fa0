/** Debian packages, downloaded and unpacked into a directory; nothing is installed. */
import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { GodwitError } from '../../model/errors.ts';
import { runCommand, tryCommand } from '../run-command.ts';

const NO_RELATIONS_BUT_DEPENDS = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map(
  (relation) => `--no-${relation}`,
);

/** Every real package that the given ones depend on, directly or not, themselves included, sorted. */
export async function withDependencies(packages: readonly string[]): Promise<string[]> {
  const argv = ['apt-cache', 'depends', '--recurse', ...NO_RELATIONS_BUT_DEPENDS, ...packages];
  let result = await tryCommand(argv);
  if (result.status !== 0 || !packages.every((name) => result.stdout.split('\n').includes(name))) {
    // A machine on which the package lists were never fetched.
    await runCommand(['apt-get', 'update', '-qq']);
    result = await tryCommand(argv);
  }
  const found = result.stdout.split('\n').filter((line) => /^[a-z0-9]/.test(line));
  for (const name of packages) {
    if (!found.includes(name)) throw downloadFailed(`apt knows no package ${name}: ${result.stderr.trim()}`);
  }
  return [...new Set(found)].sort();
}

/** Downloads packages into a directory and returns the paths of the .deb files, sorted. */
export async function downloadPackages(packages: readonly string[], directory: string): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  // As root, because apt's own user cannot write to this directory.
  const argv = ['apt-get', 'download', '-q', '-o', 'APT::Sandbox::User=root', ...packages];
  let result = await tryCommand(argv, { cwd: directory });
  if (result.status !== 0) {
    // Lists older than the archive: it no longer has the versions they name.
    await runCommand(['apt-get', 'update', '-qq']);
    result = await tryCommand(argv, { cwd: directory });
  }
  if (result.status !== 0) throw downloadFailed(result.stderr.trim().split('\n').slice(-2).join(' '));
  const files = (await readdir(directory)).filter((name) => name.endsWith('.deb')).sort();
  return files.map((name) => join(directory, name));
}

/** Unpacks packages over each other into a root in which /lib, /bin … are links into /usr, as on an installed system. */
export async function unpackPackages(files: readonly string[], root: string): Promise<void> {
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    await mkdir(join(root, 'usr', name), { recursive: true });
    await symlink(`usr/${name}`, join(root, name));
  }
  for (const file of files) {
    const tar = `${file}.tar`;
    // `dpkg-deb -x` would replace the links by directories.
    await runCommand(['sh', '-c', 'dpkg-deb --fsys-tarfile "$1" >"$2"', 'sh', file, tar]);
    await runCommand(['tar', '-x', '--no-same-owner', '--keep-directory-symlink', '-C', root, '-f', tar]);
  }
}

function downloadFailed(why: string): GodwitError {
  return new GodwitError({
    code: 'REQUIREMENT_MISSING',
    message: `The Debian packages for the lab's guest could not be downloaded: ${why}`,
    state: 'No guest image was built.',
    nextStep: 'Check the network and the apt sources of this machine (apt-get update), then try again.',
  });
}
