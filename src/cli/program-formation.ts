import { type Command, InvalidArgumentError } from 'commander';
import { countArgument } from './arguments.ts';
import type { CreateOptions } from './cluster-create.ts';
import type { JoinOptions } from './cluster-join.ts';
import type { Act } from './program.ts';

/** What forms a cluster. `act` loads everything, `actFast` leaves the schemas out. */
export function addFormationCommands(
  nouns: { readonly cluster: Command; readonly node: Command },
  { act, actFast }: { readonly act: Act; readonly actFast: Act },
): void {
  addCreate(nouns.cluster, act);
  addJoin(nouns.cluster, act);
  nouns.cluster
    .command('token')
    .description('make a token with which one machine may join')
    .option('--valid <minutes>', 'for how long', minutesArgument, 60)
    .action((options: { valid: number }, command: Command) =>
      actFast(command, async (context) => (await import('./cluster-token.ts')).clusterToken(context, options)),
    );
  nouns.node
    .command('evict')
    .description('remove a node for good; it must be down and own no VM')
    .argument('<node>', 'its name')
    .addHelpText('after', EVICT_HELP)
    .action((name: string, _options, command: Command) =>
      actFast(command, async (context) => (await import('./node-evict.ts')).nodeEvict(context, name)),
    );
}

const EVICT_HELP = `
A node that lives leaves in four steps: godwit node drain NAME, stop its agent and guard,
godwit node evict NAME on another node, delete its configuration and state.
Its seat in the cluster's database is removed first; another node gets it.`;

function addCreate(cluster: Command, act: Act): void {
  withMachine(cluster.command('create'))
    .description('make this machine the first node of a new cluster')
    .argument('<name>', 'name of the cluster')
    .option('--user <name>', "the administrator's name", 'admin')
    .option(
      '--password-file <file>',
      "file with the administrator's password, - for standard input; otherwise it is asked for",
    )
    .option('--tokens <count>', 'how many tokens to make for other machines', countArgument, 1)
    .addHelpText('after', '\nExample:\n  godwit cluster create office --address 10.77.0.11 --address 192.168.1.11')
    .action((name: string, options: CreateOptions, command: Command) =>
      act(command, async (context) => (await import('./cluster-create.ts')).clusterCreate(context, name, options)),
    );
}

function addJoin(cluster: Command, act: Act): void {
  withMachine(cluster.command('join'))
    .description('let this machine join a cluster')
    .argument('<url>', 'a node of the cluster, such as https://10.77.0.11:8440')
    .requiredOption('--token <token>', 'from `godwit cluster token` on a node')
    .option('--witness', 'a vote without VMs')
    .option('--wait <seconds>', 'for how long to try while the node does not answer', countArgument, 0)
    .addHelpText('after', '\nExample:\n  godwit cluster join https://10.77.0.11:8440 --token godwit1.…')
    .action((url: string, options: JoinOptions, command: Command) =>
      act(command, async (context) => (await import('./cluster-join.ts')).clusterJoin(context, url, options)),
    );
}

function withMachine(command: Command): Command {
  return command
    .option('--node <name>', "this machine's name in the cluster (default: its host name)")
    .option(
      '--address <address>',
      "this machine's address, best first: cluster network, then others; may be repeated (default: all it has)",
      (text: string, before: readonly string[] | undefined) => [...(before ?? []), text],
    )
    .option('--config-directory <directory>', 'where configuration and keys go (default: /etc/godwit)')
    .option(
      '--options <file>',
      'further fields of the agent configuration, JSON or YAML: volumes, switches, vmMemoryBytes …',
    );
}

function minutesArgument(text: string): number {
  const minutes = countArgument(text);
  if (minutes >= 1 && minutes <= 7 * 24 * 60) return minutes;
  throw new InvalidArgumentError('It is not between 1 minute and 7 days.');
}
