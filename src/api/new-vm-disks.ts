import { GIBIBYTE } from '../model/units.ts';
import type { VmDisk } from '../model/vm.ts';
import type { ApiContext } from './context.ts';
import type { FoundImage } from './guest-image.ts';
import { invalid } from './invalid-input.ts';
import type { NewVmRequest } from './new-vm-request.ts';

/** Of a VM that comes without a disk and is given none. Thin: the volume gives space as the guest writes. */
const DEFAULT_DISK_BYTES = GIBIBYTE;
const DEFAULT_INSTALLATION_BYTES = 16 * GIBIBYTE;

/** Below it is all that belongs to the VM alone. */
export function directoryOfVm({ config }: Pick<ApiContext, 'config'>, name: string, uuid: string): string {
  const volume = config.volumes[0];
  if (volume === undefined) throw invalid('This node has no volume for disks.', 'Add a volume to the node first.');
  return `${volume.path}/vms/${name}-${uuid.slice(0, 8)}`;
}

/** The disks of a new VM, in a directory of their own on the first volume. Makes nothing. */
export function planDisks(request: NewVmRequest, image: FoundImage, directory: string): VmDisk[] {
  return diskSizes(request, image).map((sizeBytes, index) => {
    const id = `disk${index}`;
    return { id, path: `${directory}/${id}.qcow2`, format: 'qcow2', sizeBytes };
  });
}

function diskSizes({ emptyDisks, imageDiskBytes }: NewVmRequest, image: FoundImage): readonly number[] {
  if (image.kind === 'disk') return [Math.max(image.virtualSizeBytes, imageDiskBytes ?? 0), ...emptyDisks];
  if (imageDiskBytes !== null) {
    throw invalid('No disk is made of an image here that could get a size.', 'Give the sizes of the disks instead.');
  }
  if (emptyDisks.length > 0) return emptyDisks;
  return [image.kind === 'medium' ? DEFAULT_INSTALLATION_BYTES : DEFAULT_DISK_BYTES];
}

/** Makes the disks; those made before one fails are removed again by {@link removeMadeDisks}. */
export async function makeDisks(
  context: Pick<ApiContext, 'disks'>,
  image: FoundImage,
  disks: readonly VmDisk[],
): Promise<void> {
  for (const [index, disk] of disks.entries()) {
    if (index === 0 && image.kind === 'disk') await context.disks.importImage(disk, image.file);
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
