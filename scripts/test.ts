/**
 * `npm test`: the checks, then the tests of every kind. The last line counts all of them.
 * `--faults`: only the walk over all phases and all faults.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHECK_STEPS, environment, REPOSITORY, runStep } from './check-steps.ts';
import { processesMarked, removeLeftovers, tracesOfLabs } from './leftovers.ts';

interface Count {
  passed: number;
  failed: number;
}

interface TestRun {
  readonly project: string;
  readonly files?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Each test is told as it ends, so that a run that is ended says how far it came. */
  readonly verbose?: boolean;
  /** A run that takes longer hangs; it is ended and counts as failed. */
  readonly minutesMax: number;
}

const MARK_NAME = 'GODWIT_TEST_RUN';
const mark = `${process.pid}-${Date.now()}`;
const total: Count = { passed: 0, failed: 0 };

async function main(): Promise<void> {
  if (process.getuid?.() !== 0) {
    console.error(
      'The tests make a cluster out of network namespaces and control groups, which only root may: run `sudo npm test`, or `npm run check` for what needs no root.',
    );
    process.exitCode = 1;
    return;
  }
  const before = await tracesOfLabs();
  if (process.argv.includes('--faults')) {
    await runTests({ project: 'lab', files: 'faults', env: { GODWIT_FAULTS: 'all' }, verbose: true, minutesMax: 180 });
  } else {
    for (const step of CHECK_STEPS) count(runStep(step));
    await runTests({ project: 'unit', minutesMax: 5 });
    await runTests({ project: 'simulation', minutesMax: 15 });
    await runTests({ project: 'integration', verbose: true, minutesMax: 15 });
    await runTests({ project: 'lab', verbose: true, minutesMax: 30 });
    await runTests({ project: 'browser', verbose: true, minutesMax: 15 });
  }
  count(await nothingIsLeft(before));
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed === 0 ? 0 : 1;
}

function count(passed: boolean): void {
  if (passed) total.passed += 1;
  else total.failed += 1;
}

async function runTests(run: TestRun): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'godwit-test-'));
  const report = join(directory, 'report.json');
  const reporter = run.verbose === true ? 'verbose' : 'default';
  const args = ['run', '--project', run.project, `--reporter=${reporter}`, '--reporter=json'];
  args.push(`--outputFile.json=${report}`);
  if (run.files !== undefined) args.push(run.files);
  const status = await runVitest(args, run);
  const counted = readReport(report);
  rmSync(directory, { recursive: true, force: true });
  total.passed += counted.passed;
  // A file that cannot be loaded, a hang or an error outside of any test fails the run without a failed test.
  total.failed += status === 0 ? counted.failed : Math.max(counted.failed, 1);
}

/** In a process group of its own, so that a run that hangs ends with all its workers. */
function runVitest(args: readonly string[], run: TestRun): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn('vitest', args, {
      cwd: REPOSITORY,
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: true,
      env: environment({ ...run.env, [MARK_NAME]: mark }),
    });
    const endGroup = () => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    };
    const timer = setTimeout(() => {
      console.error(`The tests of project ${run.project} did not end within ${run.minutesMax} minutes.`);
      endGroup();
    }, run.minutesMax * 60_000);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        endGroup();
        process.exit(130);
      });
    }
    child.once('error', reject);
    child.once('close', (status) => {
      clearTimeout(timer);
      process.removeAllListeners('SIGINT').removeAllListeners('SIGTERM');
      resolve(status);
    });
  });
}

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { status: string }[];
  }[];
}

function readReport(file: string): Count {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
    const unloadable = report.testResults.filter(
      (result) => result.status === 'failed' && !result.assertionResults.some((test) => test.status === 'failed'),
    );
    return { passed: report.numPassedTests, failed: report.numFailedTests + unloadable.length };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

async function nothingIsLeft(before: ReadonlySet<string>): Promise<boolean> {
  const traces = [...(await tracesOfLabs())].filter((trace) => !before.has(trace));
  const processes = await processesMarked(`${MARK_NAME}=${mark}`);
  const lines = [...traces, ...processes.map(({ pid, command }) => `process ${pid}: ${command}`)];
  console.log(lines.length === 0 ? 'ok     nothing is left behind' : `FAILED left behind:\n  ${lines.join('\n  ')}`);
  await removeLeftovers(
    traces,
    processes.map(({ pid }) => pid),
  );
  return lines.length === 0;
}

await main();
