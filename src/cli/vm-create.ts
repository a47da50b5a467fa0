import { type CreateVmBody, createVm } from '../contract/vms.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { changePower } from './vm-power.ts';
import { type SettingsOptions, settingsOf } from './vm-settings.ts';
import { vmSentence } from './vm-text.ts';

export interface CreateOptions extends SettingsOptions {
  /** Bytes. */
  readonly memory: number;
  readonly cpus: number;
  readonly image?: string;
  /** Bytes, one for each disk. */
  readonly disk: readonly number[];
  readonly switch?: string;
  readonly freePageHinting?: 'on' | 'off';
  readonly highlyAvailable: boolean;
  readonly automaticStart: boolean;
  readonly budget?: number;
  readonly start?: boolean;
}

export async function vmCreate(context: Context, name: string, options: CreateOptions): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const created = await cluster.call(createVm, { body: bodyOf(name, options) });
  const vm = options.start === true ? await changePower(cluster, name, 'start') : created;
  report(context, vm, () =>
    options.start === true
      ? `${name} was created. ${vmSentence(vm)}`
      : `${name} was created and is off. Start it with \`godwit vm start ${name}\`.`,
  );
  return EXIT_DONE;
}

function bodyOf(name: string, options: CreateOptions): CreateVmBody {
  return {
    name,
    memoryBytes: options.memory,
    cpus: options.cpus,
    ...(options.image !== undefined && { image: options.image }),
    ...(options.disk.length > 0 && { disks: options.disk.map((sizeBytes) => ({ sizeBytes })) }),
    ...(options.switch !== undefined && { switch: options.switch }),
    ...(options.freePageHinting !== undefined && { freePageHinting: options.freePageHinting === 'on' }),
    ...(options.budget !== undefined && { budgetMs: options.budget }),
    highlyAvailable: options.highlyAvailable,
    automaticStart: options.automaticStart,
    ...settingsOf(options),
  };
}
