import { type ChangeVmBody, changeVm } from '../contract/vms.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { type SettingsOptions, settingsOf } from './vm-settings.ts';
import { type HardwareOptions, hardwareOf } from './vm-hardware.ts';
import { hardwareText, settingsText } from './vm-text.ts';

export interface SetOptions extends SettingsOptions, HardwareOptions {
  readonly automaticStart?: 'on' | 'off';
  readonly highlyAvailable?: 'on' | 'off';
}

export async function vmSet(context: Context, name: string, options: SetOptions): Promise<ExitStatus> {
  const body = bodyOf(options);
  if (Object.keys(body).length === 0) {
    throw new GodwitError({
      code: 'INVALID_INPUT',
      message: 'No setting was given.',
      state: NOTHING_CHANGED,
      nextStep: 'See `godwit vm set --help` for those that there are.',
    });
  }
  const cluster = await context.openCluster();
  const vm = await cluster.call(changeVm, { params: { name }, body });
  report(context, vm, () => [`${name}: ${settingsText(vm)}.`, ...hardwareText(vm)].join('\n'));
  return EXIT_DONE;
}

function bodyOf(options: SetOptions): ChangeVmBody {
  const { automaticStart, highlyAvailable } = options;
  return {
    ...settingsOf(options),
    ...hardwareOf(options),
    ...(automaticStart !== undefined && { automaticStart: automaticStart === 'on' }),
    ...(highlyAvailable !== undefined && { highlyAvailable: highlyAvailable === 'on' }),
  };
}
