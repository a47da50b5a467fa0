// Options that `vm create` and `vm set` share.
import { type Command, Option } from 'commander';
import type { VmSettings } from '../contract/availability.ts';
import type { ChangeVmBody } from '../contract/vms.ts';
import { type Priority, PRIORITIES } from '../model/availability.ts';
import {
  countArgument,
  durationArgument,
  durationOrNoneArgument,
  type HourWindow,
  hoursArgument,
  namesArgument,
} from './arguments.ts';

export interface SettingsOptions {
  readonly priority?: Priority;
  readonly preferredOwner?: readonly string[];
  readonly possibleOwner?: readonly string[];
  readonly antiAffinity?: readonly string[];
  readonly failback?: 'on' | 'off';
  readonly failbackWindow?: HourWindow | 'any';
  readonly restartHere?: number;
  readonly restartElsewhere?: number;
  /** Milliseconds. */
  readonly budget?: number;
  /** Milliseconds. */
  readonly budgetMax?: number | 'none';
}

/** What stands for an empty list, and for no maximum. */
const NONE = 'none';

export function addSettingsOptions(command: Command): Command {
  return command
    .addOption(new Option('--priority <priority>', 'order in which VMs are brought back').choices([...PRIORITIES]))
    .option(
      '--preferred-owner <node>',
      'node it should be on; may be repeated, best first; "none" for any',
      namesArgument,
    )
    .option('--possible-owner <node>', 'node it may be on; may be repeated; "none" for all', namesArgument)
    .option('--anti-affinity <group>', 'VMs of one group are never on one node; may be repeated; "none"', namesArgument)
    .addOption(new Option('--failback <on|off>', 'go back to a preferred owner that returns').choices(['on', 'off']))
    .option('--failback-window <hours>', 'only in these hours of the day (UTC), e.g. 22-6; "any"', hoursArgument)
    .option('--restart-here <count>', 'how often it is restarted where it is when its QEMU crashes', countArgument)
    .option('--restart-elsewhere <count>', 'how often it is then started on another node', countArgument)
    .option('--budget <time>', 'longest blackout allowed in a live migration, e.g. 50ms', durationArgument)
    .option(
      '--budget-max <time>',
      'widen the budget up to this if the guest does not converge otherwise, e.g. 200ms; "none" for never',
      durationOrNoneArgument,
    );
}

/** Only what was given. */
export function settingsOf(options: SettingsOptions): VmSettings & Pick<ChangeVmBody, 'budgetMs' | 'budgetMaxMs'> {
  const { priority, preferredOwner, possibleOwner, antiAffinity, failback, failbackWindow } = options;
  const { restartHere: here, restartElsewhere: elsewhere, budget, budgetMax } = options;
  return {
    ...(priority !== undefined && { priority }),
    ...(preferredOwner !== undefined && { preferredOwners: listOf(preferredOwner) }),
    ...(possibleOwner !== undefined && { possibleOwners: listOf(possibleOwner) }),
    ...(antiAffinity !== undefined && { antiAffinity: listOf(antiAffinity) }),
    ...((failback !== undefined || failbackWindow !== undefined) && {
      failback: {
        ...(failback !== undefined && { enabled: failback === 'on' }),
        ...(failbackWindow !== undefined && { window: failbackWindow === 'any' ? null : failbackWindow }),
      },
    }),
    ...((here !== undefined || elsewhere !== undefined) && {
      restart: { ...(here !== undefined && { here }), ...(elsewhere !== undefined && { elsewhere }) },
    }),
    ...(budget !== undefined && { budgetMs: budget }),
    ...(budgetMax !== undefined && { budgetMaxMs: budgetMax === NONE ? null : budgetMax }),
  };
}

function listOf(names: readonly string[]): string[] {
  return names.filter((name) => name !== NONE);
}
