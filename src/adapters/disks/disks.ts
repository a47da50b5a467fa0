import { execFile } from 'node:child_process';
import { access, chmod, chown, mkdir, rmdir, stat, statfs, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { GodwitError, NOTHING_CHANGED } from '../../model/errors.ts';
import { formatBytes, MEBIBYTE } from '../../model/units.ts';
import type { VmDisk } from '../../model/vm.ts';
import type { Disks } from '../../ports/disks.ts';

const run = promisify(execFile);
/** What a new, empty image needs at once and soon after. */
const FIRST_NEEDS_BYTES = 64 * MEBIBYTE;

export interface DisksOptions {
  /** Owner of the images; null: the agent's own user. */
  readonly qemuUser: { readonly uid: number; readonly gid: number } | null;
}

interface ImageInfo {
  readonly 'virtual-size': number;
  readonly format: string;
  readonly 'backing-filename'?: string;
}

/** Disk images by qemu-img. */
export function createDisks({ qemuUser }: DisksOptions): Disks {
  async function exists(path: string): Promise<boolean> {
    return await access(path).then(
      () => true,
      () => false,
    );
  }

  async function makeRoom(disk: VmDisk, neededBytes: number): Promise<void> {
    if (await exists(disk.path)) {
      throw new GodwitError({
        code: 'DISK_EXISTS',
        message: `There is a file ${disk.path} already.`,
        state: NOTHING_CHANGED,
        nextStep: 'Choose another name, or remove the file if nobody needs it.',
      });
    }
    const directory = dirname(disk.path);
    // QEMU's user must pass through what lies above.
    await mkdir(dirname(directory), { recursive: true, mode: 0o755 });
    await mkdir(directory, { recursive: true, mode: 0o750 });
    if (qemuUser !== null) await chown(directory, qemuUser.uid, qemuUser.gid);
    const { bavail, bsize } = await statfs(directory);
    const freeBytes = bavail * bsize;
    if (freeBytes >= neededBytes) return;
    await rmdir(directory).catch(() => undefined);
    throw new GodwitError({
      code: 'NOT_ENOUGH_DISK_SPACE',
      message: `${disk.path} needs ${formatBytes(neededBytes)} to begin with; its volume has ${formatBytes(freeBytes)} free.`,
      state: NOTHING_CHANGED,
      nextStep: 'Make room on the volume, or use another one.',
      details: { neededBytes, freeBytes },
    });
  }

  async function handOver(disk: VmDisk): Promise<void> {
    await chmod(disk.path, 0o660);
    if (qemuUser !== null) await chown(disk.path, qemuUser.uid, qemuUser.gid);
  }

  async function remove(disk: VmDisk): Promise<void> {
    await unlink(disk.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await rmdir(dirname(disk.path)).catch(() => undefined); // Other disks may still be in it.
  }

  async function qemuImg(disk: VmDisk, ...args: string[]): Promise<void> {
    try {
      await run('qemu-img', args);
      await handOver(disk);
    } catch (error) {
      await remove(disk);
      throw diskFailed(disk.path, error);
    }
  }

  return {
    exists,
    remove,
    async create(disk) {
      await makeRoom(disk, FIRST_NEEDS_BYTES);
      await qemuImg(disk, 'create', '-q', '-f', disk.format, disk.path, String(disk.sizeBytes));
    },
    virtualSizeBytes: async (file) => (await imageInfo(file))['virtual-size'],
    async importImage(disk, file) {
      const info = await imageInfo(file);
      const { blocks } = await stat(file);
      await makeRoom(disk, Math.max(FIRST_NEEDS_BYTES, blocks * 512));
      await qemuImg(disk, 'convert', '-f', info.format, '-O', disk.format, file, disk.path);
      if (disk.sizeBytes > info['virtual-size']) {
        await qemuImg(disk, 'resize', '-q', '-f', disk.format, disk.path, String(disk.sizeBytes));
      }
    },
  };
}

/** Throws INVALID_INPUT for what is no image, or one that would pull in other files of the node. */
async function imageInfo(file: string): Promise<ImageInfo> {
  let info: ImageInfo;
  try {
    info = JSON.parse((await run('qemu-img', ['info', '--output=json', '-U', file])).stdout) as ImageInfo;
  } catch (error) {
    throw invalidImage(`${file} cannot be read as a disk image: ${stderrOf(error)}`);
  }
  if (info.format !== 'qcow2' && info.format !== 'raw') throw invalidImage(`${file} is in the format ${info.format}.`);
  // A backing file could name any file of this node, and its content would end up in the guest.
  if (info['backing-filename'] !== undefined) throw invalidImage(`${file} refers to another file as its base.`);
  return info;
}

function invalidImage(message: string): GodwitError {
  return new GodwitError({
    code: 'INVALID_INPUT',
    message,
    state: NOTHING_CHANGED,
    nextStep: 'Give the path, on the node, of a qcow2 or raw image that stands alone (`qemu-img convert`).',
  });
}

function diskFailed(path: string, error: unknown): GodwitError {
  return new GodwitError(
    {
      code: 'DISK_FAILED',
      message: `The disk ${path} could not be made: ${stderrOf(error)}`,
      state: 'Nothing of it is left.',
      nextStep: 'Check the volume, then try again.',
    },
    error,
  );
}

function stderrOf(error: unknown): string {
  return (error as { stderr?: string }).stderr?.trim() || String(error);
}
