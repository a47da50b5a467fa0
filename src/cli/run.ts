/** From the words on the command line to the exit status. */
import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { type ErrorBody, GodwitError, NOTHING_CHANGED, toErrorBody } from '../model/errors.ts';
import type { Cluster } from './cluster.ts';
import type { ClusterOptions } from './cluster-selection.ts';
import { type Context, EXIT_DONE, EXIT_FAILED, EXIT_USAGE, type ExitStatus, type GlobalOptions } from './context.ts';
import { printErrorBody } from './error-text.ts';
import type { Output } from './output.ts';
import { buildProgram } from './program.ts';
import { godwitVersion } from './version.ts';

/** Never throws. `words`: without the program's own name. `beforeCommand`: see the program's parts. */
export async function runCommandLine(
  words: readonly string[],
  output: Output,
  beforeCommand: () => void = () => undefined,
): Promise<ExitStatus> {
  let status: ExitStatus = EXIT_DONE;
  const complaints: string[] = [];
  const program = buildProgram({
    version: versionText(),
    beforeCommand,
    writeOut: (text) => output.write(text),
    writeError: (text) => complaints.push(text),
    perform: async (options, work) => {
      status = await performWork(options, output, work);
    },
  });
  try {
    await program.parseAsync([...words], { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT_DONE;
    if (!(error instanceof CommanderError)) {
      printErrorBody({ json: wantsJson(words), output }, toErrorBody(error));
      return EXIT_FAILED;
    }
    return reportUsage(complaints.join('').trimEnd(), { words, output });
  }
}

async function performWork(
  options: GlobalOptions,
  output: Output,
  work: (context: Context) => Promise<ExitStatus>,
): Promise<ExitStatus> {
  let opened: Promise<Cluster> | undefined;
  const context: Context = {
    json: options.json === true,
    output,
    openCluster: (others) => {
      opened ??= openSelected(others ?? options);
      return opened;
    },
  };
  try {
    return await work(context);
  } catch (error) {
    printErrorBody(context, toErrorBody(error));
    return EXIT_FAILED;
  } finally {
    await opened?.then(
      (cluster) => cluster.close(),
      () => undefined,
    );
  }
}

async function openSelected(options: ClusterOptions): Promise<Cluster> {
  const [{ selectCluster }, { machineSources }, { openCluster }] = await Promise.all([
    import('./cluster-selection.ts'),
    import('./selection-sources.ts'),
    import('./cluster.ts'),
  ]);
  const target = await selectCluster(options, machineSources(process.env));
  return openCluster(target, target.caFile === null ? null : readCertificate(target.caFile));
}

function readCertificate(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new GodwitError(
      {
        code: 'INVALID_INPUT',
        message: `The certificate of the cluster's CA cannot be read: ${error instanceof Error ? error.message : path}`,
        state: NOTHING_CHANGED,
        nextStep: 'Name a readable PEM file in GODWIT_CA, or run the command as the user who may read it.',
      },
      error,
    );
  }
}

/** What commander complains about, and where to read on. A noun without a verb gets its help. */
function reportUsage(complaint: string, given: { words: readonly string[]; output: Output }): ExitStatus {
  const help = `godwit ${[...commandWords(given.words), '--help'].join(' ')}`;
  if (!wantsJson(given.words)) {
    given.output.printError(complaint.includes('Usage:') ? complaint : `${complaint}\nSee \`${help}\`.`);
    return EXIT_USAGE;
  }
  const message = complaint.includes('Usage:') ? 'A command is missing.' : complaint.replace(/^error: /, '');
  const error: ErrorBody = { code: 'INVALID_INPUT', message, state: NOTHING_CHANGED, nextStep: `See \`${help}\`.` };
  given.output.printError(JSON.stringify(error));
  return EXIT_USAGE;
}

/** Known before anything is parsed, since the parsing is what failed. */
function wantsJson(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  return (end < 0 ? words : words.slice(0, end)).includes('--json');
}

function commandWords(words: readonly string[]): string[] {
  const program = buildProgram({
    version: '',
    beforeCommand: () => undefined,
    perform: () => Promise.resolve(),
    writeOut: () => undefined,
    writeError: () => undefined,
  });
  const found: string[] = [];
  let command = program;
  for (const word of words) {
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (next === undefined) continue;
    found.push(word);
    command = next;
  }
  return found;
}

function versionText(): string {
  return `godwit ${godwitVersion()} (Node.js ${process.versions.node})`;
}
