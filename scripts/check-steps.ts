import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';

export const REPOSITORY = join(import.meta.dirname, '..');

export interface CheckStep {
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
}

/** What must hold before anything is run, in the order of what fails fastest. */
export const CHECK_STEPS: readonly CheckStep[] = [
  { name: 'format', argv: ['biome', 'format', '--diagnostic-level=error'] },
  { name: 'types', argv: ['tsc', '-p', 'tsconfig.json'] },
  { name: 'types of pure code', argv: ['tsc', '-p', 'tsconfig.pure.json'] },
  { name: 'types of the web console', argv: ['tsc', '-p', 'web/tsconfig.json'] },
  { name: 'lint and import rules', argv: ['oxlint', '--type-aware', '--deny-warnings'] },
  { name: 'dead code', argv: ['knip', '--no-progress'] },
];

/** Programs from npm packages first, whoever calls. */
export function environment(additions: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const path = [join(REPOSITORY, 'node_modules', '.bin'), process.env['PATH'] ?? ''].join(delimiter);
  return { ...process.env, ...additions, PATH: path };
}

/** Runs one step with its output on this terminal; true if it passed. */
export function runStep({ name, argv: [program, ...args] }: CheckStep): boolean {
  const startedMs = performance.now();
  const { status } = spawnSync(program, args, { cwd: REPOSITORY, stdio: 'inherit', env: environment() });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
  return status === 0;
}
