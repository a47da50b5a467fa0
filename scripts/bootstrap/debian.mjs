// Debian packages that the lab runs, and etcd's binary, which is unpacked instead of installed:
// its package would start a service of its own.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

export const CACHE_DIRECTORY = '/var/cache/godwit';
const ETCD_DIRECTORY = join(CACHE_DIRECTORY, 'etcd');
const ETCD_BINARY = join(ETCD_DIRECTORY, 'usr/bin/etcd');

/** Debian package by a program of it that is run here. */
const PROGRAMS = {
  'qemu-system-x86': 'qemu-system-x86_64',
  'qemu-utils': 'qemu-img',
  iproute2: 'ip',
  cpio: 'cpio',
  ethtool: 'ethtool',
  tini: 'tini',
  'util-linux': 'nsenter',
  mount: 'mount',
  procps: 'sysctl',
  'xz-utils': 'xz',
  openipmi: 'ipmi_sim',
  ipmitool: 'ipmitool',
  'fence-agents': 'fence_ipmilan',
  genisoimage: 'genisoimage',
  openssl: 'openssl',
};

/** Only for tests and screenshots. */
const BROWSER = 'chromium';

const DAY_MS = 24 * 60 * 60 * 1000;
/** apt and dpkg wait this long for another one of their kind to finish. */
const LOCK_OPTION = '-oDPkg::Lock::Timeout=600';

/** The programs are looked for, not the packages: however they came, they will do. */
export function missingPackages({ withBrowser }) {
  const missing = Object.keys(PROGRAMS).filter((name) => !isProgram(PROGRAMS[name]));
  return withBrowser && !isProgram(BROWSER) ? [...missing, BROWSER] : missing;
}

export function etcdIsMissing() {
  return !existsSync(ETCD_BINARY);
}

/** One sentence about what is missing and how to get it, if this process cannot get it itself; else null. */
export function whySystemCannotBeSetUp({ packages, etcd }) {
  const wanted = [...packages, ...(etcd ? ['etcd-server'] : [])].join(', ');
  if (!isProgram('apt-get') || !isProgram('dpkg-deb')) {
    const place = etcd ? `, and put etcd's binary at ${ETCD_BINARY}` : '';
    return `${wanted} (Debian's names) are missing, and this system has no apt: install them with your package manager${place}.`;
  }
  if (process.getuid?.() !== 0)
    return `Debian packages are missing (${wanted}), and only root may install them: run \`sudo node scripts/bootstrap.mjs\` once to get them.`;
  return null;
}

export function setUpSystem({ packages, etcd }) {
  const wanted = [...packages, ...(etcd ? ['etcd-server'] : [])];
  refreshPackageLists(wanted);
  if (packages.length > 0) installPackages(packages.map(availableName));
  if (etcd) unpackEtcd();
}

/** Where the fence agents are a package each, this one is enough, and far smaller than all of them. */
function availableName(name) {
  const alone = 'fence-agents-ipmilan';
  return name === 'fence-agents' && hasCandidate(alone) ? alone : name;
}

function installPackages(packages) {
  console.log(`bootstrap: installing the Debian packages ${packages.join(', ')} …`);
  const install = ['install', '-y', '--no-install-recommends', ...packages];
  try {
    apt(install);
  } catch {
    console.log('bootstrap: trying once more with fresh package lists …');
    update();
    apt(install);
  }
}

/** Unpacked beside its place and renamed, so that the binary is there only when all of it is. */
function unpackEtcd() {
  console.log(
    `bootstrap: unpacking etcd from Debian's package etcd-server to ${ETCD_DIRECTORY} (not installed: no service is started) …`,
  );
  mkdirSync(CACHE_DIRECTORY, { recursive: true });
  const work = mkdtempSync(join(CACHE_DIRECTORY, 'unpack-'));
  try {
    apt(['download', 'etcd-server'], { cwd: work });
    const archive = readdirSync(work).find((name) => name.endsWith('.deb'));
    if (archive === undefined)
      throw new Error('`apt-get download etcd-server` brought no file: see its message above.');
    const unpacked = join(work, 'etcd');
    run('dpkg-deb', ['-x', join(work, archive), unpacked]);
    writeFileSync(join(unpacked, 'VERSION'), `${decodeURIComponent(archive.replace(/\.deb$/, ''))}\n`);
    rmSync(ETCD_DIRECTORY, { recursive: true, force: true });
    renameSync(unpacked, ETCD_DIRECTORY);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  console.log(`bootstrap: ${readFileSync(join(ETCD_DIRECTORY, 'VERSION'), 'utf8').trim()} unpacked`);
}

/** Only where they are missing, older than a day, or do not know a package: a refresh takes some seconds. */
function refreshPackageLists(packages) {
  if (listsAreRecent() && packages.every((name) => hasCandidate(availableName(name)))) return;
  console.log('bootstrap: refreshing the package lists (apt-get update) …');
  update();
  const unknown = packages.filter((name) => !hasCandidate(availableName(name)));
  if (unknown.length > 0)
    throw new Error(`apt knows no package ${unknown.join(', ')}: add Debian's "main" section to its sources.`);
}

/** Once more after a while: unlike an installation, an update does not wait for another one to end. */
function update() {
  try {
    apt(['update']);
  } catch {
    spawnSync('sleep', ['10']);
    apt(['update']);
  }
}

function listsAreRecent() {
  const folder = '/var/lib/apt/lists';
  if (!existsSync(folder)) return false;
  const lists = readdirSync(folder).filter((name) => name.includes('_Packages') || name.endsWith('Release'));
  if (!lists.some((name) => name.includes('_Packages'))) return false;
  // The folder's time is that of the last update; the files keep the archive's.
  return (
    Date.now() -
      Math.max(statSync(folder).mtimeMs, statSync(join(folder, 'partial'), { throwIfNoEntry: false })?.mtimeMs ?? 0) <
    DAY_MS
  );
}

function hasCandidate(name) {
  const { stdout } = spawnSync('apt-cache', ['policy', name], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  return /Candidate: (?!\(none\))/.test(stdout ?? '');
}

function apt(args, options = {}) {
  // As root, because apt's own user cannot write to where the files go.
  run('apt-get', ['-qq', '-oDpkg::Use-Pty=0', LOCK_OPTION, '-oAPT::Sandbox::User=root', ...args], {
    ...options,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_SUSPEND: '1' },
  });
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
  if (result.status !== 0)
    throw new Error(
      `\`${[command, ...args].join(' ')}\` failed: see its message above, then run the same command again.`,
    );
}

function isProgram(name) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders.some((folder) => folder !== '' && existsSync(join(folder, name)));
}
