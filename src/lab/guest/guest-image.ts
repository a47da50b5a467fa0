/**
 * The lab's guest: Debian's cloud kernel, and an initrd of busybox, perl and mke2fs with the two programs
 * `init.sh` and `services.pl`. Made of downloaded Debian packages; nothing is installed on this machine.
 */
import { createHash } from 'node:crypto';
import { chmod, copyFile, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { runCommand } from '../run-command.ts';
import { downloadPackages, unpackPackages, withDependencies } from './debian-packages.ts';
import { dependenciesInModule, moduleName, modulesInOrder, WANTED_MODULES } from './kernel-modules.ts';

export interface GuestImage {
  /** Absolute paths. */
  readonly kernel: string;
  readonly initrd: string;
  /** For every guest; `godwit.name=…` and `godwit.address=…` are appended per VM. */
  readonly commandLine: string;
  /** Changes with the packages and with the guest's own programs. */
  readonly version: string;
}

export const GUEST_CACHE_DIRECTORY = '/var/cache/godwit/guest';

/** Raised when the way the image is put together changes. */
const BUILD_FORMAT = 1;
const KERNEL_PACKAGE = 'linux-image-cloud-amd64';
const PROGRAM_PACKAGES = ['busybox-static', 'perl-base', 'e2fsprogs'];
const SCRIPTS = ['init.sh', 'services.pl', 'workers.pl'];
const KERNEL_COMMAND_LINE =
  'console=ttyS0 quiet panic=1 mitigations=off ipv6.disable=1 no_timer_check 8250.nr_uarts=1 random.trust_cpu=on';

/** Returns the image, and builds it first where it is not in the cache. Safe against a second build at the same time. */
export async function buildGuestImage(
  cacheDirectory: string = GUEST_CACHE_DIRECTORY,
  log: (line: string) => void = () => undefined,
): Promise<GuestImage> {
  const recipe = await recipeHash();
  const cached = await findImage(cacheDirectory, recipe);
  if (cached !== undefined) return cached;
  await mkdir(cacheDirectory, { recursive: true });
  await removeAbandoned(cacheDirectory);
  const work = await mkdtemp(join(cacheDirectory, '.build-'));
  try {
    return await buildIn(work, { cacheDirectory, recipe, log });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Whatever is in the cache for this recipe is good, also if Debian has newer packages by now. */
async function findImage(cacheDirectory: string, recipe: string): Promise<GuestImage | undefined> {
  const names = await readdir(cacheDirectory).catch(() => []);
  const version = names
    .filter((name) => name.startsWith(`${recipe}-`))
    .sort()
    .at(-1);
  return version === undefined ? undefined : imageIn(join(cacheDirectory, version));
}

/** Left by builds that were killed. */
async function removeAbandoned(cacheDirectory: string): Promise<void> {
  for (const name of await readdir(cacheDirectory)) {
    const path = join(cacheDirectory, name);
    const ageMs = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now());
    if (name.startsWith('.build-') && ageMs > 3_600_000) await rm(path, { recursive: true, force: true });
  }
}

function imageIn(directory: string): GuestImage {
  return {
    kernel: join(directory, 'kernel'),
    initrd: join(directory, 'initrd'),
    commandLine: KERNEL_COMMAND_LINE,
    version: basename(directory),
  };
}

async function recipeHash(): Promise<string> {
  const hash = createHash('sha256').update(`${BUILD_FORMAT}\0${PROGRAM_PACKAGES.join()}\0${WANTED_MODULES.join()}\0`);
  for (const script of SCRIPTS) hash.update(await readFile(join(import.meta.dirname, script)));
  return hash.digest('hex').slice(0, 12);
}

async function buildIn(
  work: string,
  { cacheDirectory, recipe, log }: { cacheDirectory: string; recipe: string; log: (line: string) => void },
): Promise<GuestImage> {
  log("downloads Debian's cloud kernel, busybox, perl and e2fsprogs for the guest image (not installed)");
  const files = await downloadPackages(await packagesToUnpack(), join(work, 'packages'));
  const versions = createHash('sha256')
    .update(files.map((file) => basename(file)).join())
    .digest('hex')
    .slice(0, 12);
  log('builds the guest image');
  const packageRoot = join(work, 'root');
  await unpackPackages(files, packageRoot);
  const image = join(work, 'image');
  await mkdir(image);
  await copyFile(await kernelIn(packageRoot), join(image, 'kernel'));
  const tree = join(work, 'tree');
  await fillTree(tree, packageRoot);
  await packTree(tree, join(image, 'initrd'));
  await writeFile(join(image, 'packages.txt'), `${files.map((file) => basename(file)).join('\n')}\n`);
  for (const name of ['kernel', 'initrd']) await chmod(join(image, name), 0o644);
  const target = join(cacheDirectory, `${recipe}-${versions}`);
  await rename(image, target).catch(async (error: NodeJS.ErrnoException) => {
    // Someone else built the same at the same time.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  });
  return imageIn(target);
}

/** The kernel's own package, and of the programs' dependencies only what can hold libraries. */
async function packagesToUnpack(): Promise<string[]> {
  const kernel = (await withDependencies([KERNEL_PACKAGE])).find((name) => /^linux-image-\d.*-cloud-amd64$/.test(name));
  const programs = (await withDependencies(PROGRAM_PACKAGES)).filter(
    (name) => name.startsWith('lib') || PROGRAM_PACKAGES.includes(name),
  );
  return [...(kernel === undefined ? [KERNEL_PACKAGE] : [kernel]), ...programs];
}

async function kernelIn(root: string): Promise<string> {
  const name = (await readdir(join(root, 'boot'))).find((entry) => entry.startsWith('vmlinuz-'));
  if (name === undefined) throw new Error(`There is no kernel in ${root}/boot.`);
  return join(root, 'boot', name);
}

async function fillTree(tree: string, root: string): Promise<void> {
  for (const name of [
    'bin',
    'sbin',
    'dev',
    'proc',
    'sys',
    'disk',
    'etc',
    'tmp',
    'modules',
    'godwit',
    'usr/bin',
    'usr/lib',
  ]) {
    await mkdir(join(tree, name), { recursive: true });
  }
  await copyExecutable(await firstThatExists(root, ['usr/bin/busybox', 'bin/busybox']), join(tree, 'bin/busybox'));
  const applets = (await runCommand([join(tree, 'bin/busybox'), '--list'])).trim().split('\n');
  const script = applets.map((name) => `ln -s busybox ${name} 2>/dev/null`).join('\n');
  await runCommand(['sh', '-c', `cd "$1" || exit 1\n${script}\ntrue`, 'sh', join(tree, 'bin')]);
  const programs = { perl: join(root, 'usr/bin/perl'), mke2fs: join(root, 'sbin/mke2fs') };
  for (const [name, source] of Object.entries(programs)) {
    await rm(join(tree, 'bin', name), { force: true });
    await copyExecutable(source, join(tree, 'bin', name));
    await copyLibraries(source, { root, tree });
  }
  await copyPerlModules(root, tree);
  await copyKernelModules(root, tree);
  await copyFile(join(root, 'etc/mke2fs.conf'), join(tree, 'etc/mke2fs.conf'));
  await copyExecutable(join(import.meta.dirname, 'init.sh'), join(tree, 'init'));
  for (const name of SCRIPTS.filter((entry) => entry.endsWith('.pl'))) {
    await copyFile(join(import.meta.dirname, name), join(tree, 'godwit', name));
  }
}

async function copyExecutable(source: string, target: string): Promise<void> {
  await copyFile(source, target);
  await chmod(target, 0o755);
}

async function firstThatExists(root: string, paths: readonly string[]): Promise<string> {
  for (const path of paths) {
    if ((await readFile(join(root, path)).catch(() => undefined)) !== undefined) return join(root, path);
  }
  throw new Error(`None of ${paths.join(', ')} is in the packages.`);
}

/** Asks the unpacked loader itself which libraries it would load. */
async function copyLibraries(program: string, { root, tree }: { root: string; tree: string }): Promise<void> {
  const loader = join(root, 'lib64/ld-linux-x86-64.so.2');
  const libraryPath = ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu'].map((path) => join(root, path)).join(':');
  const list = await runCommand([loader, '--library-path', libraryPath, '--list', program]);
  for (const match of list.matchAll(/=> (\S+) \(/g)) {
    const source = match[1] ?? '';
    // The loader lists itself by its absolute name, which belongs to this machine.
    if (!source.startsWith(root)) continue;
    const target = join(tree, 'lib/x86_64-linux-gnu', basename(source));
    await mkdir(dirname(target), { recursive: true });
    await copyFile(source, target);
  }
  await mkdir(join(tree, 'lib64'), { recursive: true });
  await copyExecutable(loader, join(tree, 'lib64/ld-linux-x86-64.so.2'));
}

/** All of perl-base but the Unicode tables, which the guest's programs do not use. */
async function copyPerlModules(root: string, tree: string): Promise<void> {
  const path = 'usr/lib/x86_64-linux-gnu/perl-base';
  await cp(join(root, path), join(tree, path), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (source) => !source.includes('/unicore'),
  });
}

async function copyKernelModules(root: string, tree: string): Promise<void> {
  const directory = join(root, 'lib/modules');
  const release = (await readdir(directory))[0] ?? '';
  const paths = (await readdir(join(directory, release), { recursive: true })).filter((path) =>
    /\.ko(\.\w+)?$/.test(path),
  );
  const files = new Map(paths.map((path) => [moduleName(path), join(directory, release, path)]));
  const builtinList = await readFile(join(directory, release, 'modules.builtin'), 'utf8');
  const contents = await readModules(files);
  const order = modulesInOrder(WANTED_MODULES, {
    files,
    builtin: new Set(builtinList.trim().split('\n').map(moduleName)),
    dependenciesOf: (name) => dependenciesInModule(contents.get(name) ?? Buffer.alloc(0)),
  });
  for (const name of order) await writeFile(join(tree, 'modules', `${name}.ko`), contents.get(name) ?? '');
  await writeFile(join(tree, 'modules/order'), order.map((name) => `${name}.ko\n`).join(''));
}

/** Contents of the wanted modules and of all they need, uncompressed: busybox loads nothing else. */
async function readModules(files: ReadonlyMap<string, string>): Promise<Map<string, Buffer>> {
  const contents = new Map<string, Buffer>();
  const waiting = [...WANTED_MODULES];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const path = files.get(name);
    if (path === undefined || contents.has(name)) continue;
    if (path.endsWith('.xz')) await runCommand(['xz', '-d', '-k', '-f', path]);
    const content = await readFile(path.replace(/\.xz$/, ''));
    contents.set(name, content);
    waiting.push(...dependenciesInModule(content));
  }
  return contents;
}

async function packTree(tree: string, target: string): Promise<void> {
  // Sorted and without names or times, so that the same packages make the same bytes.
  const script =
    'cd "$1" && find . -exec touch -h -d @0 {} + && find . | LC_ALL=C sort | ' +
    'cpio --quiet -o -H newc -R +0:+0 --reproducible | gzip -9n >"$2"';
  await runCommand(['sh', '-c', script, 'sh', tree, target]);
}
