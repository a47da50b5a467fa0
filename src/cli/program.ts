/** The tree of commands. Says how each is called; what it does is loaded when it is called. */
import { Command } from 'commander';
import type { Context, ExitStatus, GlobalOptions } from './context.ts';
import { addNoun } from './noun.ts';
import { addFormationCommands } from './program-formation.ts';
import { addAvailabilityCommands } from './program-availability.ts';
import { addImageCommands } from './program-image.ts';
import { addLabCommands } from './program-lab.ts';
import { addNodeCommands } from './program-node.ts';
import { addVmCommands } from './program-vm.ts';

/** Runs one command's work with its context, and keeps its exit status. */
export type Perform = (options: GlobalOptions, work: (context: Context) => Promise<ExitStatus>) => Promise<void>;

export interface ProgramParts {
  readonly version: string;
  readonly perform: Perform;
  /** Called before the code of a command is loaded, but not before that of an agent. */
  readonly beforeCommand: () => void;
  /** Where commander's own words go: help to standard output, complaints to standard error. */
  readonly writeOut: (text: string) => void;
  readonly writeError: (text: string) => void;
}

/** What a command's action gets to hand its work to. */
export type Act = (command: Command, work: (context: Context) => Promise<ExitStatus>) => Promise<void>;

export function buildProgram(parts: ProgramParts): Command {
  const act: Act = (command, work) => parts.perform(command.optsWithGlobals<GlobalOptions>(), work);
  const actFast: Act = (command, work) => {
    parts.beforeCommand();
    return act(command, work);
  };
  const program = new Command('godwit')
    .description('Failover cluster with live migration for QEMU/KVM.')
    .version(parts.version, '--version', 'print the versions of godwit and Node.js')
    .option('--json', 'print one JSON document instead of text; errors as a JSON object on standard error')
    .option(
      '--cluster <url>',
      'the cluster: URLs of its nodes separated by commas, or a saved profile (or GODWIT_CLUSTER)',
    )
    .option('--lab <name>', 'the cluster: a lab on this machine')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: parts.writeOut, writeErr: parts.writeError })
    .exitOverride()
    .helpCommand(false)
    .showHelpAfterError(false)
    .addHelpText('after', EXAMPLES);
  addVmCommands(program, actFast);
  addImageCommands(program, actFast);
  addMigrationCommands(program, actFast);
  addClusterCommands(program, { act, actFast });
  addLabCommands(program, actFast);
  addAgentCommands(program, act);
  addCompletionCommands(program, actFast);
  return program;
}

const EXAMPLES = `
Without --cluster and --lab: GODWIT_CLUSTER, the default profile in
~/.config/godwit/profiles.json, the cluster of this node, or the only lab that is up.
GODWIT_USER, GODWIT_PASSWORD and GODWIT_CA (a file) say how to sign in.

Beside the agent of a node runs its guard: godwit guard --help

Exit status: 0 done, 1 refused or failed, 2 wrong usage.

Examples:
  godwit lab up                                   a cluster on this machine
  godwit vm create WebServer --memory 256M --start
  godwit vm migrate WebServer --to node2          move it while it runs
  godwit migration show last                      what was measured`;

function addMigrationCommands(program: Command, act: Act): void {
  const migration = addNoun(program, 'migration', 'migrations and their receipts');
  migration
    .command('list')
    .description('all migrations, the newest first')
    .action((_options, command: Command) =>
      act(command, async (context) => (await import('./migration-list.ts')).migrationList(context)),
    );
  migration
    .command('show')
    .description('the receipt of a migration, or how far an open one is')
    .argument('<id>', 'its id, or "last" for the newest')
    .addHelpText('after', '\nExamples:\n  godwit migration show last\n  godwit migration show last --json')
    .action((id: string, _options, command: Command) =>
      act(command, async (context) => (await import('./migration-show.ts')).migrationShow(context, id)),
    );
}

function addClusterCommands(program: Command, acts: { readonly act: Act; readonly actFast: Act }): void {
  const { actFast } = acts;
  const node = addNoun(program, 'node', 'the members of the cluster');
  addNodeCommands(node, actFast);
  const cluster = addNoun(program, 'cluster', 'the cluster as a whole');
  cluster
    .command('status')
    .description('nodes, quorum, witness and VMs at a glance')
    .action((_options, command: Command) =>
      actFast(command, async (context) => (await import('./cluster-status.ts')).clusterStatus(context)),
    );
  addFormationCommands({ cluster, node }, acts);
  addAvailabilityCommands(program, actFast);
}

function addAgentCommands(program: Command, act: Act): void {
  for (const [name, description] of [
    ['agent', 'run the agent of a node, in the foreground'],
    ['witness', 'run the witness, in the foreground'],
  ] as const) {
    program
      .command(name)
      .description(description)
      .requiredOption('--config <file>', 'its configuration')
      .action((options: { config: string }, command: Command) =>
        act(command, async () => {
          const { runAgent } = await import('../agent/main.ts');
          await runAgent(options.config);
          return 'keeps-running';
        }),
      );
  }
}

function addCompletionCommands(program: Command, act: Act): void {
  program
    .command('completion')
    .description('print the completion script of a shell')
    .argument('<shell>', 'bash, zsh or fish')
    .addHelpText(
      'after',
      '\nExamples:\n  source <(godwit completion bash)\n  godwit completion zsh > ~/.zfunc/_godwit\n  godwit completion fish > ~/.config/fish/completions/godwit.fish',
    )
    .action((shell: string, _options, command: Command) =>
      act(command, async (context) => (await import('./completion.ts')).completion(context, shell)),
    );
  program
    .command('complete', { hidden: true })
    .argument('[words...]', 'the words so far; the last one is being typed')
    .allowUnknownOption()
    .action((words: string[], _options, command: Command) =>
      act(command, async (context) => (await import('./complete.ts')).complete(context, program, words)),
    );
}
