import type { VmDisk } from '../model/vm.ts';
import type { ApiContext } from './context.ts';
import { type GuestImage, invalid, type NewVmRequest } from './new-vm-request.ts';

/** The disks of a new VM, in a directory of their own on the first volume. Makes nothing. */
export async function planDisks(
  context: Pick<ApiContext, 'config' | 'disks'>,
  request: NewVmRequest,
  uuid: string,
): Promise<VmDisk[]> {
  const { image, emptyDisks, name } = request;
  const sizes = image.kind === 'file' ? [await imageSizeBytes(context, image.file), ...emptyDisks] : emptyDisks;
  const volume = context.config.volumes[0];
  if (volume === undefined) throw invalid('This node has no volume for disks.', 'Add a volume to the node first.');
  const directory = `${volume.path}/vms/${name}-${uuid.slice(0, 8)}`;
  return sizes.map((sizeBytes, index) => {
    const id = `disk${index}`;
    return { id, path: `${directory}/${id}.qcow2`, format: 'qcow2', sizeBytes };
  });
}

async function imageSizeBytes(context: Pick<ApiContext, 'disks'>, file: string): Promise<number> {
  if (await context.disks.exists(file)) return await context.disks.virtualSizeBytes(file);
  throw invalid(
    `There is no file ${file} on this node.`,
    'Copy the image to the node, or to a volume, and give its path there.',
  );
}

/** Makes the disks; those made before one fails are removed again by {@link removeMadeDisks}. */
export async function makeDisks(
  context: Pick<ApiContext, 'disks'>,
  image: GuestImage,
  disks: readonly VmDisk[],
): Promise<void> {
  for (const [index, disk] of disks.entries()) {
    if (index === 0 && image.kind === 'file') await context.disks.importImage(disk, image.file);
    else await context.disks.create(disk);
  }
}

/** Safe, because the directory carries the new VM's id: nothing of anybody else can be there. */
export async function removeMadeDisks(
  context: Pick<ApiContext, 'disks' | 'log'>,
  disks: readonly VmDisk[],
): Promise<void> {
  for (const disk of disks) {
    try {
      if (await context.disks.exists(disk.path)) await context.disks.remove(disk);
    } catch (error) {
      context.log.warn('A disk of a VM that was not created could not be removed', { path: disk.path, error });
    }
  }
}
