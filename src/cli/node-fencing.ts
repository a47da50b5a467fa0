import { readFileSync } from 'node:fs';
import { getNode, removeFencing, setFencing, testFencing } from '../contract/nodes.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import type { Cluster } from './cluster.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { renderFacts } from './table.ts';

export interface FencingOptions {
  readonly agent?: string;
  readonly option?: Readonly<Record<string, string>>;
  readonly test?: boolean;
  readonly remove?: boolean;
}

export async function nodeFencing(context: Context, name: string, options: FencingOptions): Promise<ExitStatus> {
  checkTogether(options);
  const cluster = await context.openCluster();
  if (options.remove === true) {
    const { powerFencing } = await cluster.call(removeFencing, { params: { name } });
    report(context, { node: name, powerFencing }, () => `The power of ${name} is not switched any more.`);
    return EXIT_DONE;
  }
  if (options.agent !== undefined) return await set(context, { cluster, name, agent: options.agent }, options);
  if (options.test === true) return await test(context, cluster, name);
  const { powerFencing } = await cluster.call(getNode, { params: { name } });
  report(context, { node: name, powerFencing }, () =>
    powerFencing === null
      ? `It is not known how the power of ${name} is switched. Say it with \`godwit node fencing ${name} --agent AGENT --option KEY=VALUE\`.`
      : renderFacts([['agent', powerFencing.agent], ...Object.entries(powerFencing.options)], context.output.look),
  );
  return EXIT_DONE;
}

/** Throws INVALID_INPUT. */
function checkTogether(options: FencingOptions): void {
  const complaint =
    options.remove === true && (options.test === true || options.agent !== undefined)
      ? '--remove goes with no other option.'
      : options.agent === undefined && options.option !== undefined
        ? '--option needs --agent.'
        : null;
  if (complaint === null) return;
  throw invalid(complaint, 'See `godwit node fencing --help`.');
}

async function set(
  context: Context,
  given: { readonly cluster: Cluster; readonly name: string; readonly agent: string },
  options: FencingOptions,
): Promise<ExitStatus> {
  const { cluster, name, agent } = given;
  const body = { agent, options: withFiles(options.option ?? {}) };
  const { powerFencing } = await cluster.call(setFencing, { params: { name }, body });
  if (options.test === true) return await test(context, cluster, name);
  report(
    context,
    { node: name, powerFencing },
    () => `The power of ${name} is switched by ${agent}. Try it with \`godwit node fencing ${name} --test\`.`,
  );
  return EXIT_DONE;
}

async function test(context: Context, cluster: Cluster, name: string): Promise<ExitStatus> {
  const answer = await cluster.call(testFencing, { params: { name } });
  if (answer.state === 'unknown') {
    throw new GodwitError({
      code: 'FENCING_FAILED',
      message: `The state of the power of ${name} is unknown (asked by ${answer.askedBy}): ${answer.reason}`,
      state: 'Nothing was switched. A failover works without it, but takes longer.',
      nextStep: `Check address, user and password, and set them anew with \`godwit node fencing ${name} --agent …\`.`,
    });
  }
  report(context, { node: name, ...answer }, () => `${answer.reason} (asked by ${answer.askedBy})`);
  return EXIT_DONE;
}

/** A password belongs neither on a command line, which everybody on the machine can read, nor in the shell's history. */
function withFiles(options: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(options).map(([key, value]) => [key, value.startsWith('@') ? readValue(value.slice(1)) : value]),
  );
}

function readValue(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw invalid(
      `The value of an option cannot be read: ${error instanceof Error ? error.message : path}`,
      'Name a readable file after the @, or "-" for standard input.',
    );
  }
}

function invalid(message: string, nextStep: string): GodwitError {
  return new GodwitError({ code: 'INVALID_INPUT', message, state: NOTHING_CHANGED, nextStep });
}
