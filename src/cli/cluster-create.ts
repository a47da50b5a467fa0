import { readFileSync } from 'node:fs';
import { createCluster } from '../formation/create-cluster.ts';
import { machineName } from '../formation/machine-settings.ts';
import { DEFAULT_CONFIG_DIRECTORY } from '../formation/member-files.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { askPassword } from './ask-password.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { startCommands, watchdogNote } from './start-commands.ts';

/** What `create` and `join` both take. */
export interface MachineOptions {
  readonly node?: string;
  readonly address?: readonly string[];
  readonly configDirectory?: string;
  readonly options?: string;
}

export interface CreateOptions extends MachineOptions {
  readonly user: string;
  readonly passwordFile?: string;
  readonly tokens: number;
}

const TOKEN_VALID_SECONDS = 3600;
const PASSWORD_LENGTH_MIN = 8;

export async function clusterCreate(context: Context, name: string, options: CreateOptions): Promise<ExitStatus> {
  const created = await createCluster({
    clusterName: name,
    node: options.node ?? machineName(),
    addresses: options.address ?? [],
    configDirectory: options.configDirectory ?? DEFAULT_CONFIG_DIRECTORY,
    optionsFile: options.options,
    administrator: { user: options.user, password: await readPassword(options.passwordFile) },
    tokens: options.tokens,
    tokenValidSeconds: TOKEN_VALID_SECONDS,
  });
  const { config, configFile, tokens, tokensExpireAt } = created;
  const document = {
    ...{ cluster: config.clusterName, node: config.node, configFile, url: config.api.url },
    ...{ caCertificate: config.pki.caCertificate, tokens, tokensExpireAt },
  };
  const note = watchdogNote(config);
  const notes = note === null ? [] : ['', note];
  report(context, document, () =>
    [
      `${config.node} is the first node of the cluster ${config.clusterName}.`,
      '',
      'Next:',
      '  1. Start on this machine, as services (docs/operating/formation.md):',
      ...startCommands(config, configFile).map((command) => `       ${command}`),
      '  2. On another machine, within an hour:',
      ...tokens.map((token) => `       godwit cluster join ${config.api.url} --token ${token}`),
      '     A machine without VMs that only votes joins with --witness.',
      '     More tokens: godwit cluster token',
      ...notes,
    ].join('\n'),
  );
  return EXIT_DONE;
}

async function readPassword(file: string | undefined): Promise<string> {
  const password = file === undefined ? await askPassword('Password of the administrator: ') : readPasswordFile(file);
  if (password.length >= PASSWORD_LENGTH_MIN) return password;
  throw new GodwitError({
    code: 'INVALID_INPUT',
    message: `The administrator's password has ${password.length} characters; it needs at least ${PASSWORD_LENGTH_MIN}.`,
    state: NOTHING_CHANGED,
    nextStep: 'Choose a longer one.',
  });
}

function readPasswordFile(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new GodwitError(
      {
        code: 'INVALID_INPUT',
        message: `The password cannot be read from ${file}: ${error instanceof Error ? error.message : String(error)}.`,
        state: NOTHING_CHANGED,
        nextStep: 'Name a file whose first line is the password, or - for standard input.',
      },
      error,
    );
  }
}
