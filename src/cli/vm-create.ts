import { listImages } from '../contract/images.ts';
import { type CreateVmBody, createVm, type VmView } from '../contract/vms.ts';
import { GodwitError } from '../model/errors.ts';
import type { Cluster } from './cluster.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { bringFile, bringUrl, isFile } from './image-bring.ts';
import { type CloudInitOptions, cloudInitOf } from './vm-hardware.ts';
import { changePower } from './vm-power.ts';
import { type SettingsOptions, settingsOf } from './vm-settings.ts';
import { vmSentence } from './vm-text.ts';

export interface CreateOptions extends SettingsOptions, CloudInitOptions {
  /** Bytes. */
  readonly memory: number;
  readonly cpus: number;
  readonly image?: string;
  /** Bytes. */
  readonly imageSize?: number;
  /** Bytes, one for each disk. */
  readonly disk: readonly number[];
  readonly switch?: string;
  readonly freePageHinting?: 'on' | 'off';
  readonly graphics: boolean;
  readonly highlyAvailable: boolean;
  readonly automaticStart: boolean;
  readonly start?: boolean;
}

export async function vmCreate(context: Context, name: string, options: CreateOptions): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const created = await create({ context, cluster }, name, options);
  const vm = options.start === true ? await changePower(cluster, name, 'start') : created;
  report(context, vm, () =>
    options.start === true
      ? `${name} was created. ${vmSentence(vm)}`
      : `${name} was created and is off. Start it with \`godwit vm start ${name}\`.`,
  );
  return EXIT_DONE;
}

interface Where {
  readonly context: Context;
  readonly cluster: Cluster;
}

const URL_PATTERN = /^https?:\/\//i;

/** An image that the cluster does not have is brought there first: by a node if it is a URL, else from this machine. */
async function create(where: Where, name: string, options: CreateOptions): Promise<VmView> {
  const cloudInit = await cloudInitOf(options);
  const make = (image: string | undefined) =>
    where.cluster.call(createVm, {
      body: { ...bodyOf(name, options), ...(cloudInit && { cloudInit }), ...(image && { image }) },
    });
  const { image } = options;
  if (image === undefined) return await make(undefined);
  if (URL_PATTERN.test(image)) return await make(await bringUrlOnce(where, image));
  const isPathHere = image.includes('/') && !image.startsWith('/');
  try {
    if (!isPathHere) return await make(image);
  } catch (error) {
    const unknown = error instanceof GodwitError && error.code === 'IMAGE_NOT_FOUND';
    if (!unknown || !(await isFile(image))) throw error;
  }
  return await make((await bringFile(where, image)).name);
}

/** The next VM of the same URL is made of what is there already. */
async function bringUrlOnce(where: Where, url: string): Promise<string> {
  try {
    return (await bringUrl(where, url, undefined)).name;
  } catch (error) {
    if (!(error instanceof GodwitError) || error.code !== 'IMAGE_EXISTS') throw error;
    const { images } = await where.cluster.call(listImages);
    const there = images.find(({ name }) => new URL(url).pathname.endsWith(`/${encodeURIComponent(name)}`));
    if (there === undefined) throw error;
    if (!where.context.json) where.context.output.print(`${there.name} is there already and is used.`);
    return there.name;
  }
}

function bodyOf(name: string, options: CreateOptions): CreateVmBody {
  return {
    name,
    memoryBytes: options.memory,
    cpus: options.cpus,
    ...(options.imageSize !== undefined && { imageDiskBytes: options.imageSize }),
    ...(options.disk.length > 0 && { disks: options.disk.map((sizeBytes) => ({ sizeBytes })) }),
    ...(options.switch !== undefined && { switch: options.switch }),
    graphics: options.graphics,
    ...(options.freePageHinting !== undefined && { freePageHinting: options.freePageHinting === 'on' }),
    highlyAvailable: options.highlyAvailable,
    automaticStart: options.automaticStart,
    ...settingsOf(options),
  };
}
