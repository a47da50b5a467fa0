import { randomBytes } from 'node:crypto';
import { chown, constants, link, lstat, mkdir, open, readdir, rmdir, statfs, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { GodwitError, NOTHING_CHANGED } from '../../model/errors.ts';
import { formatBytes, MEBIBYTE } from '../../model/units.ts';
import type { VmDisk } from '../../model/vm.ts';
import type { Disks } from '../../ports/disks.ts';
import { type QemuUser, runQemuImg } from './qemu-img.ts';
import { blockDeviceOf, openSourceImage, refuseDamaged, type SourceImage } from './source-image.ts';

/** What a new, empty image needs at once and soon after. */
const FIRST_NEEDS_BYTES = 64 * MEBIBYTE;

export interface DisksOptions {
  /** Owner of the images; null: the agent's own user. */
  readonly qemuUser: QemuUser | null;
}

/** Disk images by qemu-img. */
export function createDisks(options: DisksOptions): Disks {
  return new QemuImgDisks(options.qemuUser);
}

/**
 * A disk is made under another name beside its own and gets its name by a hard link. A link never replaces a
 * file, so nothing is overwritten, not even by two at once; and a disk is there completely or not at all.
 */
class QemuImgDisks implements Disks {
  readonly #user: QemuUser | null;

  constructor(user: QemuUser | null) {
    this.#user = user;
  }

  async exists(path: string): Promise<boolean> {
    try {
      await lstat(path);
      return true;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
  }

  async create(disk: VmDisk): Promise<void> {
    await this.#refuseExisting(disk);
    await refuseFullVolume(disk, FIRST_NEEDS_BYTES);
    await this.#make(disk, async (path) => {
      await runQemuImg(['create', '-q', ...formatOptions('-f', disk), path, String(disk.sizeBytes)], {
        user: this.#user,
      });
    });
  }

  async virtualSizeBytes(file: string): Promise<number> {
    const source = await openSourceImage(file, this.#user);
    await source.handle.close();
    return source.virtualSizeBytes;
  }

  async importImage(disk: VmDisk, file: string): Promise<void> {
    const source = await openSourceImage(file, this.#user);
    try {
      if (source.virtualSizeBytes > disk.sizeBytes) throw tooSmall(disk, file, source.virtualSizeBytes);
      await this.#refuseExisting(disk);
      await refuseDamaged(file, source, this.#user);
      await refuseFullVolume(disk, FIRST_NEEDS_BYTES + (await this.#measureBytes(disk, source)));
      await this.#make(disk, (path) => this.#copy(disk, source, path));
    } finally {
      await source.handle.close();
    }
  }

  async grow(disk: VmDisk): Promise<void> {
    try {
      await runQemuImg(['resize', '-q', '-f', disk.format, disk.path, String(disk.sizeBytes)], { user: this.#user });
    } catch (error) {
      throw diskFailed(`The disk ${disk.path} could not grow`, 'It has the size that it had.', error);
    }
  }

  async remove(disk: VmDisk): Promise<void> {
    const directory = dirname(disk.path);
    try {
      await unlink(disk.path).catch(ignoreAbsent);
      for (const name of await readdir(directory).catch(noneIfAbsent)) {
        if (isDraftOf(disk, name)) await unlink(join(directory, name)).catch(ignoreAbsent);
      }
      await removeIfEmpty(directory);
    } catch (error) {
      throw diskFailed(`The disk ${disk.path} could not be removed`, 'It may still be there.', error);
    }
  }

  async #make(disk: VmDisk, write: (path: string) => Promise<void>): Promise<void> {
    const directory = dirname(disk.path);
    const draft = join(directory, `${draftPrefix(disk)}${randomBytes(6).toString('hex')}`);
    try {
      await this.#makeDirectory(directory);
      await write(draft);
      await makeDurable(draft, { mode: 0o660 });
      await link(draft, disk.path).catch((error: NodeJS.ErrnoException) => {
        throw error.code === 'EEXIST' ? diskExists(disk) : error;
      });
      await unlink(draft);
      await makeDurable(directory);
    } catch (error) {
      // What cannot be cleaned up must not hide what went wrong.
      await unlink(draft).catch(() => undefined);
      await removeIfEmpty(directory).catch(() => undefined);
      if (error instanceof GodwitError) throw error;
      // A volume that was filled up meanwhile is the likeliest cause, and qemu-img says so only in words.
      await refuseFullVolume(disk, MEBIBYTE);
      throw diskFailed(`The disk ${disk.path} could not be made`, 'Nothing of it is left.', error);
    }
  }

  /** For QEMU's user alone. What lies above it is open, because that user must pass through. */
  async #makeDirectory(directory: string): Promise<void> {
    await mkdir(dirname(directory), { recursive: true, mode: 0o755 });
    await mkdir(directory, { recursive: true, mode: 0o750 });
    if (this.#user !== null) await chown(directory, this.#user.uid, this.#user.gid);
  }

  async #copy(disk: VmDisk, source: SourceImage, path: string): Promise<void> {
    const options = { user: this.#user, sourceFd: source.handle.fd };
    await runQemuImg(['convert', '-q', ...formatOptions('-O', disk), blockDeviceOf(source), path], options);
    if (disk.sizeBytes > source.virtualSizeBytes) {
      await runQemuImg(['resize', '-q', '-f', disk.format, path, String(disk.sizeBytes)], { user: this.#user });
    }
  }

  /** What the data in the source take up as a qcow2; a sparse raw file takes no more. */
  async #measureBytes(disk: VmDisk, source: SourceImage): Promise<number> {
    try {
      const options = { user: this.#user, sourceFd: source.handle.fd };
      const json = await runQemuImg(['measure', '--output=json', '-O', 'qcow2', blockDeviceOf(source)], options);
      return (JSON.parse(json) as { readonly required: number }).required;
    } catch (error) {
      throw diskFailed(`The image for ${disk.path} could not be read`, NOTHING_CHANGED, error);
    }
  }

  async #refuseExisting(disk: VmDisk): Promise<void> {
    if (await this.exists(disk.path)) throw diskExists(disk);
  }
}

function formatOptions(flag: '-f' | '-O', disk: VmDisk): readonly string[] {
  // Thin: the volume gives space as the guest writes.
  return [flag, disk.format, '-o', 'preallocation=off'];
}

function draftPrefix(disk: VmDisk): string {
  return `.${basename(disk.path)}.draft-`;
}

/** Left by an agent that was killed while it made the disk. */
function isDraftOf(disk: VmDisk, name: string): boolean {
  return name.startsWith(draftPrefix(disk));
}

async function refuseFullVolume(disk: VmDisk, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfsOfNearest(dirname(disk.path));
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes) return;
  throw new GodwitError({
    code: 'NOT_ENOUGH_DISK_SPACE',
    message: `${disk.path} needs ${formatBytes(neededBytes)} to begin with; its volume has ${formatBytes(freeBytes)} free.`,
    state: NOTHING_CHANGED,
    nextStep: 'Make room on the volume, or use another one.',
    details: { neededBytes, freeBytes },
  });
}

/** Of the nearest directory that exists, so that a refusal has made none. */
async function statfsOfNearest(directory: string): Promise<{ readonly bavail: number; readonly bsize: number }> {
  try {
    return await statfs(directory);
  } catch (error) {
    if (!isAbsent(error) || directory === '/') throw error;
    return await statfsOfNearest(dirname(directory));
  }
}

/** A disk that was reported as made is still there after a power failure. */
async function makeDurable(path: string, change: { readonly mode?: number } = {}): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    if (change.mode !== undefined) await handle.chmod(change.mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function removeIfEmpty(directory: string): Promise<void> {
  await rmdir(directory).catch((error: NodeJS.ErrnoException) => {
    // Other disks are still in it, or it is a mount point.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST' && error.code !== 'EBUSY') ignoreAbsent(error);
  });
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function ignoreAbsent(error: unknown): void {
  if (!isAbsent(error)) throw error;
}

function noneIfAbsent(error: unknown): string[] {
  ignoreAbsent(error);
  return [];
}

function diskExists(disk: VmDisk): GodwitError {
  return new GodwitError({
    code: 'DISK_EXISTS',
    message: `There is a file ${disk.path} already.`,
    state: NOTHING_CHANGED,
    nextStep: 'Choose another name, or remove the file if nobody needs it.',
  });
}

function tooSmall(disk: VmDisk, file: string, virtualSizeBytes: number): GodwitError {
  return new GodwitError({
    code: 'INVALID_INPUT',
    message: `The image ${file} holds ${formatBytes(virtualSizeBytes)}, more than the ${formatBytes(disk.sizeBytes)} of ${disk.id}.`,
    state: NOTHING_CHANGED,
    nextStep: 'Ask for a disk of at least the size of the image.',
    details: { virtualSizeBytes, sizeBytes: disk.sizeBytes },
  });
}

function diskFailed(what: string, state: string, cause: unknown): GodwitError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new GodwitError(
    { code: 'DISK_FAILED', message: `${what}: ${why}.`, state, nextStep: 'Check the volume, then try again.' },
    cause,
  );
}
