import type { SavedMemory, VmDefinition } from '../model/vm.ts';

/** The files with the saved memory of VMs, beside their disks. */
export interface SavedMemoryFiles {
  /**
   * Where the memory of a VM is saved for a request: what an earlier try for the same request has left there is removed. Throws
   * INVALID_INPUT for a VM without a disk, which has no place on a volume, and NOT_ENOUGH_DISK_SPACE if fewer than `bytes` are free.
   */
  place(definition: VmDefinition, needs: { readonly request: string; readonly bytes: number }): Promise<string>;
  /** Paths of all that was ever saved of this VM and is still there. */
  list(definition: VmDefinition): Promise<readonly string[]>;
  /** If it is there. Throws DISK_FAILED. */
  remove(saved: Pick<SavedMemory, 'path'>): Promise<void>;
}
