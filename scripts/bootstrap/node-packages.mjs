// npm packages from the lockfile; among them Node.js itself, as `node_modules/.bin/node`.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Why `npm ci` is needed, or null. Compares what npm says it installed with what the lockfile asks for. */
export function nodePackagesAreOutdated(repository) {
  const installed = readPackages(join(repository, 'node_modules', '.package-lock.json'));
  if (installed === null) return 'there are none yet';
  const wanted = readPackages(join(repository, 'package-lock.json'));
  if (wanted === null)
    throw new Error('package-lock.json is missing or damaged: restore it with `git checkout package-lock.json`.');
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const present = installed[path];
    // Optional packages are left out where they do not fit the processor or the system.
    if (present === undefined && (entry.optional || entry.devOptional)) continue;
    if (present?.version !== entry.version || present.integrity !== entry.integrity) return 'the lockfile has changed';
  }
  for (const path of Object.keys(installed)) if (wanted[path] === undefined) return 'the lockfile has changed';
  return null;
}

export function installNodePackages(repository, reason) {
  console.log(`bootstrap: installing npm packages from package-lock.json (${reason}) …`);
  // npm and the Node.js it runs on stay the system's: the one below node_modules is about to be replaced.
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.endsWith(join('node_modules', '.bin')));
  const result = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: repository,
    stdio: 'inherit',
    env: { ...process.env, PATH: path.join(delimiter) },
  });
  if (result.error !== undefined) throw new Error('npm is missing: install it with `apt-get install npm`.');
  if (result.status !== 0) throw new Error('`npm ci` failed: see its message above, then run the same command again.');
}

/** What is wrong with the Node.js that later commands will find, or null. */
export function nodeIsTooOld(repository) {
  if (existsSync(join(repository, 'node_modules', '.bin', 'node'))) return null;
  const { engines } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
  const needed = engines.node.replace('>=', '');
  if (compareVersions(process.versions.node, needed) >= 0) return null;
  return `Node.js ${needed} or newer is needed and there is no npm package of it for this machine: install it from nodejs.org.`;
}

function compareVersions(left, right) {
  return left.localeCompare(right, 'en', { numeric: true });
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return null;
  }
}
