import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** GODWIT_SIM_SEEDS: how many seeds `npm test` runs, in all files together. */
const SEEDS = Number(process.env['GODWIT_SIM_SEEDS'] ?? 2000);
const FILES = 2;
const TOGETHER = 200;

/** What `npm run sim` says, in a process of its own: there it runs several times faster than inside of the test runner. */
export function simulate(
  args: readonly string[],
): Promise<{ readonly status: number | null; readonly output: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number | null; output: string }>();
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text: string) => {
    output += text;
  });
  child.once('error', reject);
  child.once('close', (status) => resolve({ status, output }));
  return promise;
}

/** All profiles take turns. `file`: 0 or 1, so that two of them share the work. */
export function checkSeeds(file: number): void {
  for (let first = 1 + file * TOGETHER; first <= SEEDS; first += FILES * TOGETHER) {
    const count = Math.min(TOGETHER, SEEDS - first + 1);
    test(`seeds ${first} to ${first + count - 1}`, { timeout: 600_000 }, async () => {
      const { status, output } = await simulate(['--seed', String(first), '--seeds', String(count)]);
      if (status !== 0) expect.fail(output);
    });
  }
}
