import { randomBytes } from 'node:crypto';
import { readdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GodwitError, NOTHING_CHANGED } from '../../model/errors.ts';
import type { VmDefinition } from '../../model/vm.ts';
import type { SavedMemoryFiles } from '../../ports/saved-memory.ts';

/** In the directory of the VM's first disk, named by the VM's UUID: no other VM's file has it, not even in the same directory. */
export const savedMemoryFiles: SavedMemoryFiles = {
  newPath(definition) {
    const directory = directoryOf(definition);
    if (directory === null) throw withoutDisk(definition.name);
    return join(directory, `${prefixOf(definition)}${randomBytes(6).toString('hex')}${SUFFIX}`);
  },

  async remove({ path }) {
    try {
      await unlink(path).catch(noneIfAbsent);
    } catch (error) {
      throw notRemoved(path, error);
    }
  },

  async removeAll(definition, keep) {
    const directory = directoryOf(definition);
    if (directory === null) return;
    try {
      for (const name of await readdir(directory).catch(noneIfAbsent)) {
        const path = join(directory, name);
        if (name.startsWith(prefixOf(definition)) && name.endsWith(SUFFIX) && path !== keep) await unlink(path);
      }
    } catch (error) {
      throw notRemoved(directory, error);
    }
  },
};

const SUFFIX = '.memory';

function prefixOf({ uuid }: VmDefinition): string {
  return `${uuid}-`;
}

function directoryOf({ disks }: VmDefinition): string | null {
  const first = disks[0];
  return first === undefined ? null : dirname(first.path);
}

function notRemoved(where: string, error: unknown): GodwitError {
  return new GodwitError(
    {
      code: 'DISK_FAILED',
      message: `Saved memory could not be removed: ${String(error)}.`,
      state: 'It may still be there. Nothing uses it.',
      nextStep: `Look at ${where}, and remove what is left of it.`,
    },
    error,
  );
}

function noneIfAbsent(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}

function withoutDisk(vm: string): GodwitError {
  return new GodwitError({
    code: 'INVALID_INPUT',
    message: `${vm} has no disk, so there is no place on a volume for its memory.`,
    state: NOTHING_CHANGED,
    nextStep: 'Shut it down, or turn it off.',
  });
}
