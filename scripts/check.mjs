// Everything that must hold before a commit, in the order of what fails fastest.
// Plain JavaScript, because it also runs where the system's Node.js cannot read TypeScript.
import { spawnSync } from 'node:child_process';

const steps = [
  ['format', ['biome', 'format', '--diagnostic-level=error']],
  ['types', ['tsc', '-p', 'tsconfig.json']],
  ['types of pure code', ['tsc', '-p', 'tsconfig.pure.json']],
  ['lint and import rules', ['oxlint', '--type-aware', '--deny-warnings']],
  ['dead code', ['knip']],
  ['unit tests', ['vitest', 'run', '--project', 'unit']],
];

for (const [name, [command, ...args]] of steps) {
  const started = Date.now();
  const result = spawnSync(command, args, { stdio: 'inherit' });
  if (result.status !== 0) {
    console.error(`check failed: ${name}`);
    process.exit(1);
  }
  console.log(`ok  ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
}
