import { spawn } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GodwitError, NOTHING_CHANGED } from '../../model/errors.ts';
import type { CloudInitSeeds, SeedFiles } from '../../ports/cloud-init.ts';
import type { QemuUser } from './qemu-img.ts';

/** By which cloud-init finds the medium. */
const VOLUME_LABEL = 'cidata';

/** Seeds made by genisoimage; passwords hashed by openssl. */
export function createCloudInitSeeds(user: QemuUser | null): CloudInitSeeds {
  return {
    make: async (path, files) => {
      try {
        await make(path, files, user);
      } catch (error) {
        throw seedFailed(path, error);
      }
    },
    remove: (path) => rm(path, { force: true }),
    hashPassword: async (password) => {
      try {
        // On its input, since other users see a process's arguments.
        return (await run('openssl', ['passwd', '-6', '-stdin'], `${password}\n`)).trim();
      } catch (error) {
        throw seedFailed('the password', error);
      }
    },
  };
}

/** Written beside its place and renamed: it is there completely or not at all, and never readable by others. */
async function make(path: string, files: SeedFiles, user: QemuUser | null): Promise<void> {
  const directory = dirname(path);
  await mkdir(dirname(directory), { recursive: true, mode: 0o755 });
  await mkdir(directory, { recursive: true, mode: 0o750 });
  if (user !== null) await chown(directory, user.uid, user.gid);
  const work = await mkdtemp(join(directory, '.seed-'));
  try {
    const iso = join(work, 'seed.iso');
    for (const [name, text] of Object.entries(files)) await writeFile(join(work, name), text, { mode: 0o600 });
    const sources = Object.keys(files).map((name) => join(work, name));
    const options = ['-quiet', '-output', iso, '-volid', VOLUME_LABEL, '-joliet', '-rational-rock'];
    await run('genisoimage', [...options, ...sources]);
    await chmod(iso, 0o440);
    if (user !== null) await chown(iso, user.uid, user.gid);
    await rename(iso, path);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function run(program: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], cwd: '/' });
    let output = '';
    let lastWords = '';
    child.stdout.on('data', (text) => {
      output += String(text);
    });
    child.stderr.on('data', (text) => {
      lastWords = (lastWords + String(text)).slice(-2000);
    });
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve(output);
      else reject(new Error(lastWords.trim() || `${program} ended with status ${status}`));
    });
    // One that ends without reading says why by its status.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

function seedFailed(what: string, cause: unknown): GodwitError {
  const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
  const why = cause instanceof Error ? cause.message : String(cause);
  return new GodwitError(
    {
      code: missing ? 'REQUIREMENT_MISSING' : 'DISK_FAILED',
      message: `What cloud-init reads could not be made (${what}): ${why}.`,
      state: NOTHING_CHANGED,
      nextStep: missing
        ? "Install Debian's packages genisoimage and openssl on the nodes, then try again."
        : 'Check the volume, then try again.',
    },
    cause,
  );
}
