import { type Command, Option } from 'commander';
import { durationArgument, countArgument, rateArgument, sizeArgument, sizesArgument } from './arguments.ts';
import { addNoun } from './noun.ts';
import type { Act } from './program.ts';
import type { ConsoleOptions } from './vm-console.ts';
import type { CreateOptions } from './vm-create.ts';
import type { MigrateOptions } from './vm-migrate.ts';
import type { PowerAction } from './vm-power.ts';
import type { SetOptions } from './vm-set.ts';
import { addCloudInitOptions, addHardwareOptions } from './vm-hardware.ts';
import { addSettingsOptions } from './vm-settings.ts';

export function addVmCommands(program: Command, act: Act): void {
  const vm = addNoun(program, 'vm', 'virtual machines');
  addCreate(vm, act);
  vm.command('list')
    .description('all VMs')
    .action((_options, command: Command) =>
      act(command, async (context) => (await import('./vm-list.ts')).vmList(context)),
    );
  vm.command('show')
    .description('one VM, why it is where it is or does not run, and the last events about it')
    .argument('<vm>', 'its name')
    .action((name: string, _options, command: Command) =>
      act(command, async (context) => (await import('./vm-show.ts')).vmShow(context, name)),
    );
  addSet(vm, act);
  addPower(vm, act);
  vm.command('delete')
    .description('delete a VM that is off or saved, with its saved memory; its disks stay unless asked otherwise')
    .argument('<vm>', 'its name')
    .option('--delete-disks', 'delete its disks too')
    .action((name: string, options: { deleteDisks?: boolean }, command: Command) =>
      act(command, async (context) => (await import('./vm-delete.ts')).vmDelete(context, name, options)),
    );
  addConsole(vm, act);
  addMigrate(vm, act);
  vm.command('cancel')
    .description('cancel the open migration of a VM; the guest keeps running on the source')
    .argument('<vm>', 'its name')
    .action((name: string, _options, command: Command) =>
      act(command, async (context) => (await import('./vm-cancel.ts')).vmCancel(context, name)),
    );
}

function addSet(vm: Command, act: Act): void {
  addHardwareOptions(addSettingsOptions(vm.command('set')))
    .description(
      'change settings of a VM, also while it runs; hardware of one that runs changes when it is started the next time from off',
    )
    .argument('<vm>', 'its name')
    .addOption(
      new Option('--highly-available <on|off>', 'bring it back elsewhere when its node dies').choices(['on', 'off']),
    )
    .addOption(new Option('--automatic-start <on|off>', 'start it when its node starts').choices(['on', 'off']))
    .addHelpText(
      'after',
      '\nExamples:\n  godwit vm set WebServer --priority high --preferred-owner node1 --failback on --failback-window 22-6\n  godwit vm set WebServer --possible-owner none --anti-affinity web\n  godwit vm set WebServer --memory 1G --cpus 2 --add-disk 8G\n  godwit vm set WebServer --budget 30ms --budget-max 200ms',
    )
    .action((name: string, options: SetOptions, command: Command) =>
      act(command, async (context) => (await import('./vm-set.ts')).vmSet(context, name, options)),
    );
}

const CREATE_EXAMPLES = `
Examples:
  godwit vm create WebServer --memory 256M --image lab --disk 1G --start
  godwit vm create Installed --memory 2G --image debian-13.iso --disk 20G --start
  godwit vm create Cloudy --memory 1G --image debian-13-genericcloud-amd64.qcow2 --image-size 20G --user anna --ssh-key ~/.ssh/id_ed25519.pub`;

function addCreate(vm: Command, act: Act): void {
  addCloudInitOptions(addSettingsOptions(vm.command('create')))
    .description('create a VM')
    .argument('<name>', 'its name: letters, digits and hyphens')
    .requiredOption('--memory <size>', 'memory, e.g. 256M', sizeArgument)
    .option('--cpus <count>', 'virtual CPUs', countArgument, 1)
    .option(
      '--image <image>',
      '"lab", an image of the cluster, a URL, or a file here or on the nodes; qcow2, raw or ISO',
    )
    .option('--image-size <size>', 'size of the disk made of the image, e.g. 20G; its own by default', sizeArgument)
    .option('--disk <size>', 'an empty disk, e.g. 8G; may be repeated', sizesArgument, [])
    .option('--switch <name>', 'virtual switch to plug it into')
    .addOption(
      new Option(
        '--free-page-hinting <on|off>',
        'the guest says which memory is free; on under KVM, off under TCG',
      ).choices(['on', 'off']),
    )
    .option('--no-graphics', 'without a graphics card: its only console is the serial one')
    .option('--not-highly-available', 'do not start it elsewhere when its node dies')
    .option('--no-automatic-start', 'do not start it when its node starts')
    .option('--start', 'start it at once and wait until it runs')
    .addHelpText('after', CREATE_EXAMPLES)
    .action((name: string, options: CreateOptions & { notHighlyAvailable?: boolean }, command: Command) =>
      act(command, async (context) => {
        const { vmCreate } = await import('./vm-create.ts');
        return vmCreate(context, name, { ...options, highlyAvailable: options.notHighlyAvailable !== true });
      }),
    );
}

function addPower(vm: Command, act: Act): void {
  const descriptions: Readonly<Record<PowerAction, string>> = {
    start: 'start a VM that is off or saved, and wait until it runs',
    shutdown: 'ask the guest to shut down, and wait until it has',
    'turn-off': 'turn a VM off as if its plug were pulled',
    pause: 'let the guest stand still where it is; it keeps its memory',
    resume: 'let a paused guest go on',
    reset: 'press the reset button: the guest boots anew with the same hardware',
    save: "write the guest's memory beside its disks and end it; its next start goes on where it stood",
  };
  for (const action of ['start', 'shutdown', 'turn-off', 'pause', 'resume', 'reset', 'save'] as const) {
    vm.command(action)
      .description(descriptions[action])
      .argument('<vm>', 'its name')
      .option('--no-wait', 'return as soon as the request is taken')
      .action((name: string, options: { wait: boolean }, command: Command) =>
        act(command, async (context) => {
          const { vmPower } = await import('./vm-power.ts');
          return vmPower(context, name, { action, wait: options.wait });
        }),
      );
  }
  vm.command('discard')
    .description('delete the saved memory of a VM: its next start boots it anew, as after a power loss')
    .argument('<vm>', 'its name')
    .action((name: string, _options, command: Command) =>
      act(command, async (context) => (await import('./vm-power.ts')).vmDiscard(context, name)),
    );
}

function addConsole(vm: Command, act: Act): void {
  vm.command('console')
    .description('the serial console of a running VM, wherever it runs and moves')
    .argument('<vm>', 'its name')
    .option('--no-backlog', 'only what the guest writes from now on')
    .addHelpText(
      'after',
      `
On a terminal Ctrl-] leaves it. In a pipe it ends one second after the guest has fallen silent.

Examples:
  godwit vm console WebServer
  echo uptime | godwit vm console WebServer --no-backlog
  godwit vm console WebServer </dev/null            the last that it wrote`,
    )
    .action((name: string, options: ConsoleOptions, command: Command) =>
      act(command, async (context) => (await import('./vm-console.ts')).vmConsole(context, name, options)),
    );
}

function addMigrate(vm: Command, act: Act): void {
  vm.command('migrate')
    .description('move a VM to another node while it runs')
    .argument('<vm>', 'its name')
    .option('--to <node>', 'destination; the node with the most free memory if absent')
    .addOption(new Option('--mode <mode>', 'how to move it').choices(['live', 'quick', 'offline']))
    .option('--budget <time>', "longest blackout allowed, e.g. 50ms; the VM's own by default", durationArgument)
    .option(
      '--budget-max <time>',
      "widen the budget up to this if the guest does not converge otherwise; the VM's own by default",
      durationArgument,
    )
    .option('--bandwidth <rate>', 'upper limit of the transfer, e.g. 500mbit', rateArgument)
    .addOption(new Option('--migration-tls <on|off>', 'memory crosses the network under TLS').choices(['on', 'off']))
    .option('--dry-run', 'say whether it could move, how long it would take, and change nothing')
    .option('--no-wait', 'return as soon as the migration has begun')
    .addHelpText(
      'after',
      `
Waits for the end and prints the receipt. Ctrl-C ends the waiting, not the migration.

Examples:
  godwit vm migrate WebServer --to node2
  godwit vm migrate WebServer --budget 30ms --budget-max 200ms
  godwit vm migrate WebServer --bandwidth 500mbit
  godwit vm migrate WebServer --dry-run --json`,
    )
    .action((name: string, options: MigrateOptions, command: Command) =>
      act(command, async (context) => (await import('./vm-migrate.ts')).vmMigrate(context, name, options)),
    );
}
