import { readdir, statfs, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GodwitError, NOTHING_CHANGED } from '../../model/errors.ts';
import { formatBytes, MEBIBYTE } from '../../model/units.ts';
import type { VmDefinition } from '../../model/vm.ts';
import type { SavedMemoryFiles } from '../../ports/saved-memory.ts';

const SUFFIX = '.memory';
/** Stays free for the disks of the VMs on the volume: a guest whose disk cannot grow stands still. */
const RESERVE_BYTES = 256 * MEBIBYTE;

/** In the directory of the VM's first disk, named by the VM's UUID: no other VM's file has it, not even in the same directory. */
export const savedMemoryFiles: SavedMemoryFiles = {
  async place(definition, { request, bytes }) {
    const directory = directoryOf(definition);
    if (directory === null) throw withoutDisk(definition.name);
    const path = join(directory, `${prefixOf(definition)}${request}${SUFFIX}`);
    await this.remove({ path });
    const { bavail, bsize } = await statfs(directory);
    if (bavail * bsize < bytes + RESERVE_BYTES) throw tooFull(definition.name, { bytes, freeBytes: bavail * bsize });
    return path;
  },

  async list(definition) {
    const directory = directoryOf(definition);
    if (directory === null) return [];
    const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const own = names.filter((name) => name.startsWith(prefixOf(definition)) && name.endsWith(SUFFIX));
    return own.map((name) => join(directory, name));
  },

  async remove({ path }) {
    try {
      await unlink(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw notRemoved(path, error);
    }
  },
};

function prefixOf({ uuid }: VmDefinition): string {
  return `${uuid}-`;
}

function directoryOf({ disks }: VmDefinition): string | null {
  const first = disks[0];
  return first === undefined ? null : dirname(first.path);
}

function notRemoved(path: string, error: unknown): GodwitError {
  return new GodwitError(
    {
      code: 'DISK_FAILED',
      message: `Saved memory could not be removed: ${String(error)}.`,
      state: 'It may still be there.',
      nextStep: `Look at ${path}, and at the volume.`,
    },
    error,
  );
}

function tooFull(
  vm: string,
  { bytes, freeBytes }: { readonly bytes: number; readonly freeBytes: number },
): GodwitError {
  return new GodwitError({
    code: 'NOT_ENOUGH_DISK_SPACE',
    message: `The memory of ${vm} takes about ${formatBytes(bytes)}, and ${formatBytes(RESERVE_BYTES)} stay free for VMs; its volume has ${formatBytes(freeBytes)} free.`,
    state: NOTHING_CHANGED,
    nextStep: 'Make room on the volume, then try again.',
    details: { neededBytes: bytes, freeBytes },
  });
}

function withoutDisk(vm: string): GodwitError {
  return new GodwitError({
    code: 'INVALID_INPUT',
    message: `${vm} has no disk, so there is no place on a volume for its memory.`,
    state: NOTHING_CHANGED,
    nextStep: 'Shut it down, or turn it off.',
  });
}
