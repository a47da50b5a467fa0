import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { countArgument, sizeArgument } from './arguments.ts';
import type { LabEvent, UpOptions } from './lab-commands.ts';
import { addNoun } from './noun.ts';
import type { Act } from './program.ts';

const DEFAULT_NAME = 'lab';
const NETWORKS = ['cluster', 'client', 'storage'] as const;
const DIRECTIONS = ['in', 'out', 'both'] as const;
const LAUNCHER_DIRECTORY = join(import.meta.dirname, '../..');

interface LabOptions {
  /** What all other commands call --lab is --name here; both are understood. */
  readonly name?: string;
  readonly lab?: string;
}

/** A lab is a cluster on this machine: its commands need root. */
export function addLabCommands(program: Command, act: Act): void {
  const lab = addNoun(program, 'lab', 'a cluster on this machine, made of network namespaces');
  addUp(lab, act);
  withName(lab.command('down').description('take a lab down and leave nothing behind')).action(
    (_options, command: Command) =>
      act(command, async (context) => (await load()).labDown(context, nameOf(command) ?? DEFAULT_NAME)),
  );
  withName(lab.command('status').description('machines, address and credentials of a lab')).action(
    (_options, command: Command) => act(command, async (context) => (await load()).labStatus(context, nameOf(command))),
  );
  withName(
    lab.command('bmc').description("addresses and credentials of the nodes' management controllers (IPMI)"),
  ).action((_options, command: Command) =>
    act(command, async (context) => (await load()).labBmc(context, nameOf(command) ?? DEFAULT_NAME)),
  );
  addExec(lab, act);
  addEvents(lab, act);
  addCables(lab, act);
}

const load = () => import('./lab-commands.ts');

function withName(command: Command): Command {
  return command.option('--name <name>', `name of the lab (default: "${DEFAULT_NAME}")`);
}

function nameOf(command: Command): string | undefined {
  const { name, lab } = command.optsWithGlobals<LabOptions>();
  return name ?? lab;
}

function addUp(lab: Command, act: Act): void {
  withName(lab.command('up'))
    .description('bring a lab up, or say how it is if it is up')
    .option('--nodes <count>', 'number of nodes, 1 to 9', countArgument, 2)
    .option('--no-witness', 'without a witness: two nodes then have no third vote')
    .option('--link <rate>', 'rate of every link, e.g. 500mbit, or "none" for no limit', '1gbit')
    .option('--node-memory <size>', 'memory each node offers to VMs', sizeArgument)
    .addOption(new Option('--migration-tls <on|off>', 'memory crosses the network under TLS').choices(['on', 'off']))
    .addOption(new Option('--accelerator <name>', 'what runs the guests').choices(['auto', 'kvm', 'tcg']))
    .option('--no-watchdog', 'no watchdog stands behind the guards of the nodes')
    .option('--keep', 'leave a lab that did not come up as it is')
    .addHelpText('after', '\nExamples:\n  godwit lab up\n  godwit lab up --name second --nodes 3 --link 500mbit --json')
    .action((options: UpOptions, command: Command) =>
      act(command, async (context) =>
        (await load()).labUp(context, { ...options, name: nameOf(command) ?? DEFAULT_NAME }),
      ),
    );
}

function addExec(lab: Command, act: Act): void {
  withName(lab.command('exec'))
    .description('run a command on a machine of a lab; its exit status is that of the command')
    .argument('<machine>', 'node1, node2 …, witness or client')
    .argument('<command...>', 'the command and its arguments')
    .usage('[options] <machine> -- <command...>')
    .addHelpText('after', '\nExample:\n  godwit lab exec client -- ping -c 1 10.78.0.100')
    .action((...[machine, words, , command]: [string, string[], unknown, Command]) =>
      act(command, async () =>
        (await load()).labExec(nameOf(command) ?? DEFAULT_NAME, machine, {
          command: words,
          launcherDirectory: LAUNCHER_DIRECTORY,
        }),
      ),
    );
}

function addEvents(lab: Command, act: Act): void {
  const descriptions: Readonly<Record<LabEvent, string>> = {
    crash: 'power loss: everything on the machine is gone at once',
    freeze: 'stop everything on the machine where it is, its watchdog excepted: a node is reset 2 s later',
    thaw: 'let a frozen machine go on',
    boot: 'switch a crashed machine on again',
  };
  for (const event of ['crash', 'freeze', 'thaw', 'boot'] as const) {
    withName(lab.command(event))
      .description(descriptions[event])
      .argument('<machine>', 'node1, node2 … or witness')
      .action((machine: string, _options, command: Command) =>
        act(command, async (context) =>
          (await load()).labEvent(context, machine, { name: nameOf(command) ?? DEFAULT_NAME, event }),
        ),
      );
  }
}

interface CableOptions {
  readonly network?: (typeof NETWORKS)[number];
  /** Of `cut` only. */
  readonly direction?: (typeof DIRECTIONS)[number];
}

function addCables(lab: Command, act: Act): void {
  const cable = (verb: string, description: string) =>
    withName(lab.command(verb))
      .description(description)
      .argument('<machine>', 'node1, node2 …, witness or client')
      .addOption(new Option('--network <network>', 'this network only').choices(NETWORKS))
      .action((machine: string, { network, direction }: CableOptions, command: Command) =>
        act(command, async (context) => {
          const name = nameOf(command) ?? DEFAULT_NAME;
          const { labCable } = await load();
          return labCable(context, machine, {
            name,
            cut: direction ?? null,
            ...(network !== undefined && { network }),
          });
        }),
      );
  cable('cut', 'drop the frames between a machine and its networks').addOption(
    new Option('--direction <direction>', 'those to the machine, those that it sends, or all')
      .choices(DIRECTIONS)
      .default('both'),
  );
  cable('mend', 'undo a cut');
}
