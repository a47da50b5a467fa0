import type { SavedMemory, VmDefinition } from '../model/vm.ts';

/** The files with the saved memory of VMs, beside their disks. */
export interface SavedMemoryFiles {
  /** A path at which no file is yet. Throws INVALID_INPUT for a VM without a disk: it has no place on a volume. */
  newPath(definition: VmDefinition): string;
  /** Removes one file, if it is there. Throws DISK_FAILED. */
  remove(saved: SavedMemory): Promise<void>;
  /** Removes all that was ever saved of this VM, but the file at `keep`. Throws DISK_FAILED. */
  removeAll(definition: VmDefinition, keep: string | null): Promise<void>;
}
