import { type Command, Option } from 'commander';
import { EVENT_KINDS } from '../model/events.ts';
import { countWithin, sinceArgument, textArgument } from './arguments.ts';
import type { EventsOptions } from './events.ts';
import { addNoun } from './noun.ts';
import type { Act } from './program.ts';

/** `ha` and `events`. */
export function addAvailabilityCommands(program: Command, act: Act): void {
  const ha = addNoun(program, 'ha', 'whether the cluster fails over by itself');
  ha.command('status')
    .description('armed or disarmed, since when and why')
    .action((_options, command: Command) =>
      act(command, async (context) => (await import('./ha-status.ts')).haStatus(context)),
    );
  ha.command('disarm')
    .description('no failover and no self-fencing, e.g. during work on the network')
    .requiredOption('--reason <text>', 'why; shown until it is armed again', textArgument)
    .addHelpText('after', '\nExample:\n  godwit ha disarm --reason "new switches in rack 2"')
    .action((options: { reason: string }, command: Command) =>
      act(command, async (context) => (await import('./ha-disarm.ts')).haDisarm(context, options.reason)),
    );
  ha.command('arm')
    .description('fail over again')
    .action((_options, command: Command) =>
      act(command, async (context) => (await import('./ha-arm.ts')).haArm(context)),
    );
  program
    .command('events')
    .description('what was decided or noticed, and why; the newest last')
    .option('--vm <name>', 'only events about this VM')
    .option('--node <name>', 'only events about this node')
    .option('--critical', 'only critical ones')
    .addOption(new Option('--kind <kind>', 'only events of this kind').choices(EVENT_KINDS))
    .option('--text <part>', 'only events that have this in their text or reason')
    .option('--since <age>', 'only newer ones, e.g. 30m, 1h, 2d, or a time', sinceArgument)
    .option('--limit <count>', 'at most so many, 1 to 5000', countWithin(1, 5000), 100)
    .option('--follow', 'go on and print events as they come; with --json one object per line')
    .addHelpText(
      'after',
      '\nExamples:\n  godwit events --critical --since 1d\n  godwit events --vm WebServer --json\n  godwit events --follow',
    )
    .action((options: EventsOptions, command: Command) =>
      act(command, async (context) => (await import('./events.ts')).events(context, options)),
    );
}
