// Sets up what `npm run demo` and `npm test` need and is missing: npm packages, Debian packages, etcd, the web console.
//
// Says what it does, and does nothing when all is there. May be run by several people at once, and again
// after it was interrupted. Plain JavaScript without dependencies, because it runs before anything is
// installed, on the system's Node.js.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  CACHE_DIRECTORY,
  etcdIsMissing,
  missingPackages,
  setUpSystem,
  whySystemCannotBeSetUp,
} from './bootstrap/debian.mjs';
import { installNodePackages, nodeIsTooOld, nodePackagesAreOutdated } from './bootstrap/node-packages.mjs';
import { buildWebConsole, webConsoleIsOutdated } from './bootstrap/web-build.mjs';

const repository = dirname(dirname(fileURLToPath(import.meta.url)));
const HOLDS_LOCKS = '--holds-locks';
/** For `npm run check`, which starts no lab. */
const npmOnly = process.argv.includes('--npm-only');
/** For `npm run build:web`. */
const onlyConsole = process.argv.includes('--console');
/** For `npm test`, which looks at the console in a browser. */
const withBrowser = process.argv.includes('--browser');

function main() {
  const needs = {
    nodePackages: nodePackagesAreOutdated(repository),
    packages: npmOnly ? [] : missingPackages({ withBrowser }),
    etcd: !npmOnly && etcdIsMissing(),
    console: (!npmOnly || onlyConsole) && webConsoleIsOutdated(repository),
  };
  const system = needs.packages.length > 0 || needs.etcd;
  if (needs.nodePackages === null && !system && !needs.console) return;

  // Asked before anything is changed, so that a machine without apt is not half set up.
  const obstacle = system ? whySystemCannotBeSetUp(needs) : null;
  if (obstacle !== null) fail(obstacle);

  // Whoever comes second waits here, then finds everything done.
  if (!process.argv.includes(HOLDS_LOCKS)) return runAgainWithLocks(system);

  if (needs.nodePackages !== null) installNodePackages(repository, needs.nodePackages);
  if (system) setUpSystem(needs);
  const left = nodeIsTooOld(repository);
  if (left !== null) fail(left);
  if (needs.console) buildWebConsole(repository);
  console.log('bootstrap: done');
}

/** The locks belong to the kernel: they end with the process, however it ends, and leave no file behind. */
function runAgainWithLocks(system) {
  const command = [process.execPath, fileURLToPath(import.meta.url), HOLDS_LOCKS, ...process.argv.slice(2)];
  if (spawnSync('flock', ['--version']).error === undefined) {
    command.unshift('flock', join(repository, 'package-lock.json'));
    if (system) {
      mkdirSync(CACHE_DIRECTORY, { recursive: true });
      command.unshift('flock', CACHE_DIRECTORY);
    }
  }
  const result = spawnSync(command[0], command.slice(1), { stdio: 'inherit' });
  process.exitCode = result.status ?? 1;
}

function fail(sentence) {
  console.error(`bootstrap: ${sentence}`);
  process.exit(1);
}

try {
  main();
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}
