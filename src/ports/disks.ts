import type { VmDisk } from '../model/vm.ts';

/** Disk images on the volumes of this node. */
export interface Disks {
  /** Creates the image; throws NOT_ENOUGH_DISK_SPACE if the volume has less free than the disk's first needs (64 MiB). Never overwrites. */
  create(disk: VmDisk): Promise<void>;
  /** Virtual size of a qcow2 or raw image (file path on this node); throws INVALID_INPUT if there is none. */
  virtualSizeBytes(file: string): Promise<number>;
  /** Copies or imports an image (file path) as the content of a new disk. */
  importImage(disk: VmDisk, file: string): Promise<void>;
  /** Makes the image of a VM that is off as large as the disk's size; never smaller. */
  grow(disk: VmDisk): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** Only when the user asked for it. */
  remove(disk: VmDisk): Promise<void>;
}
