import type { Command } from 'commander';
import { pairsArgument } from './arguments.ts';
import type { FencingOptions } from './node-fencing.ts';
import type { Act } from './program.ts';

/** `node`: the noun that they are verbs of. */
export function addNodeCommands(node: Command, act: Act): void {
  node
    .command('list')
    .description('all nodes and the witness')
    .action((_options, command: Command) =>
      act(command, async (context) => (await import('./node-list.ts')).nodeList(context)),
    );
  node
    .command('show')
    .description('one node: its state and why, its VMs, its fencing, the last events about it')
    .argument('<node>', 'its name')
    .action((name: string, _options, command: Command) =>
      act(command, async (context) => (await import('./node-show.ts')).nodeShow(context, name)),
    );
  addPauseAndResume(node, act);
  addDrain(node, act);
  addConfirmDead(node, act);
  addFencing(node, act);
}

function addPauseAndResume(node: Command, act: Act): void {
  node
    .command('pause')
    .description('place no VM on a node any more; those on it stay')
    .argument('<node>', 'its name')
    .action((name: string, _options, command: Command) =>
      act(command, async (context) => (await import('./node-pause.ts')).nodePause(context, name)),
    );
  node
    .command('resume')
    .description('let a paused, drained or quarantined node take VMs again')
    .argument('<node>', 'its name')
    .option('--failback', 'bring back the VMs that its drain has moved away')
    .action((name: string, options: { failback?: boolean }, command: Command) =>
      act(command, async (context) => (await import('./node-resume.ts')).nodeResume(context, name, options)),
    );
}

function addDrain(node: Command, act: Act): void {
  node
    .command('drain')
    .description('move all VMs off a node, then pause it')
    .argument('<node>', 'its name')
    .option('--dry-run', 'show order, estimates and everything that is in the way, and change nothing')
    .option('--no-wait', 'return as soon as the drain has begun')
    .addHelpText(
      'after',
      `
Waits until the node is empty, or nothing moves any more. Ctrl-C ends the waiting, not the drain.

Examples:
  godwit node drain node1 --dry-run
  godwit node drain node1
  godwit node resume node1 --failback`,
    )
    .action((name: string, options: { dryRun?: boolean; wait: boolean }, command: Command) =>
      act(command, async (context) => (await import('./node-drain.ts')).nodeDrain(context, name, options)),
    );
  node
    .command('cancel-drain')
    .description('let no further VM leave; the node stays paused until it is resumed')
    .argument('<node>', 'its name')
    .action((name: string, _options, command: Command) =>
      act(command, async (context) => (await import('./node-cancel-drain.ts')).nodeCancelDrain(context, name)),
    );
}

function addConfirmDead(node: Command, act: Act): void {
  node
    .command('confirm-dead')
    .description('say that a silent node runs nothing any more, so that its VMs are brought back elsewhere')
    .argument('<node>', 'its name')
    .requiredOption('--confirm <name>', 'its name once more')
    .addHelpText(
      'after',
      `
Make sure of it first: switch the machine off, or pull its plug. If it still runs, its VMs run twice,
and their disks are damaged.

Example:
  godwit node confirm-dead node2 --confirm node2`,
    )
    .action((name: string, options: { confirm: string }, command: Command) =>
      act(command, async (context) => (await import('./node-confirm-dead.ts')).nodeConfirmDead(context, name, options)),
    );
}

function addFencing(node: Command, act: Act): void {
  node
    .command('fencing')
    .description('how the power of a node is switched when it has failed: show, set, test or remove it')
    .argument('<node>', 'its name')
    .option('--agent <name>', 'fence agent, e.g. fence_ipmilan or fence_redfish')
    .option(
      '--option <key=value>',
      'option of the agent; may be repeated; @FILE as the value reads it from a file',
      pairsArgument,
    )
    .option('--test', 'ask its management controller for the state of its power; switches nothing')
    .option('--remove', 'forget it')
    .addHelpText(
      'after',
      `
Power fencing makes a failover faster and is not needed for one. Options are those of the agent
(\`man fence_ipmilan\`); what is done with the power is for the cluster to say.

Examples:
  godwit node fencing node1 --agent fence_ipmilan --option ip=10.0.0.201 --option username=admin \\
    --option password=@/root/bmc-password --option lanplus=1
  godwit node fencing node1 --test`,
    )
    .action((name: string, options: FencingOptions, command: Command) =>
      act(command, async (context) => (await import('./node-fencing.ts')).nodeFencing(context, name, options)),
    );
}
