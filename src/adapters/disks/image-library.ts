import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { constants, type FileHandle, link, mkdir, open, readdir, statfs, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { GodwitError, NOTHING_CHANGED } from '../../model/errors.ts';
import { formatBytes, MEBIBYTE } from '../../model/units.ts';
import type { ImageContent, ImageFile, Images } from '../../ports/images.ts';
import { HEADER_BYTES, readImageHeader } from './image-header.ts';

/** Stays free for the disks of VMs that run: a full volume stops them all. */
const RESERVE_BYTES = 64 * MEBIBYTE;
/** How often an image of unknown size is checked against what is free. */
const CHECK_EVERY_BYTES = 64 * MEBIBYTE;
const SECTOR_BYTES = 512;
/** ISO 9660: the first volume descriptor is in sector 16 of 2048 bytes; its identifier follows one byte for its type. */
const ISO_IDENTIFIER_OFFSET = 16 * 2048 + 1;
const ISO_IDENTIFIER = 'CD001';

export interface ImageLibraryOptions {
  /** Made when the first image comes. */
  readonly directory: string;
  /** Whose unfinished images are those of this agent's predecessors. */
  readonly node: string;
}

/** The images in a directory. Those that an agent of this node had begun when it ended are removed here. */
export async function openImageLibrary(options: ImageLibraryOptions): Promise<Images> {
  const library = new ImageLibrary(options);
  await library.removeDrafts();
  return library;
}

/** As with disks, an image is written under another name and gets its own by a hard link, which never replaces a file. */
class ImageLibrary implements Images {
  readonly directory: string;
  readonly #draftMark: string;

  constructor({ directory, node }: ImageLibraryOptions) {
    this.directory = directory;
    this.#draftMark = `.draft-${node}-`;
  }

  async removeDrafts(): Promise<void> {
    for (const name of await this.#names()) {
      if (name.startsWith('.') && name.includes(this.#draftMark)) await unlink(join(this.directory, name));
    }
  }

  async list(): Promise<ImageFile[]> {
    const images: ImageFile[] = [];
    for (const name of await this.#names()) {
      if (name.startsWith('.')) continue;
      const image = await lookAt(join(this.directory, name)).catch(() => null);
      if (image !== null) images.push(image);
    }
    return images.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async look(path: string): Promise<ImageFile | null> {
    return await lookAt(path);
  }

  async freeBytes(): Promise<number> {
    await this.#makeDirectory();
    const { bavail, bsize } = await statfs(this.directory);
    return bavail * bsize;
  }

  async requireRoom(name: string, totalBytes: number | null): Promise<void> {
    const taken = (await this.#names()).includes(name);
    if (taken) throw imageExists(name);
    await this.#requireFree(name, totalBytes ?? 0);
  }

  async receive(image: ImageContent): Promise<ImageFile> {
    await this.requireRoom(image.name, image.totalBytes);
    const path = join(this.directory, image.name);
    const draft = join(this.directory, `.${image.name}${this.#draftMark}${randomBytes(6).toString('hex')}`);
    try {
      const handle = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644);
      try {
        await this.#write(handle, image);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await link(draft, path).catch((error: NodeJS.ErrnoException) => {
        throw error.code === 'EEXIST' ? imageExists(image.name) : error;
      });
      await unlink(draft);
    } catch (error) {
      // What cannot be cleaned up must not hide what went wrong.
      await unlink(draft).catch(() => undefined);
      throw asImageError(image.name, error);
    }
    const found = await lookAt(path);
    if (found === null) throw imageFailed(image.name, 'it is gone again');
    return found;
  }

  async remove(name: string): Promise<void> {
    try {
      await unlink(join(this.directory, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw imageFailed(name, error);
      throw new GodwitError({
        code: 'IMAGE_NOT_FOUND',
        message: `There is no image "${name}".`,
        state: NOTHING_CHANGED,
        nextStep: 'See `godwit image list` for the names; upper and lower case differ.',
      });
    }
  }

  async #write(handle: FileHandle, { name, content, totalBytes, onProgress }: ImageContent): Promise<void> {
    let received = 0;
    let checkedAt = 0;
    let head = Buffer.alloc(0);
    for await (const chunk of content) {
      if (head.length < HEADER_BYTES) {
        head = Buffer.concat([head, chunk]).subarray(0, HEADER_BYTES);
        if (head.length === HEADER_BYTES) refuseUnsuitable(name, head);
      }
      await writeAll(handle, chunk);
      received += chunk.byteLength;
      onProgress?.(received);
      if (received - checkedAt < CHECK_EVERY_BYTES) continue;
      checkedAt = received;
      await this.#requireFree(name, totalBytes === null ? 0 : totalBytes - received);
    }
    if (head.length < HEADER_BYTES) refuseUnsuitable(name, head);
    if (totalBytes !== null && received !== totalBytes) {
      const message = `The image ${name} ended after ${received} of ${totalBytes} bytes.`;
      throw notTaken(message, 'Send it again.');
    }
  }

  async #requireFree(name: string, neededBytes: number): Promise<void> {
    const freeBytes = await this.freeBytes();
    if (freeBytes >= neededBytes + RESERVE_BYTES) return;
    throw new GodwitError({
      code: 'NOT_ENOUGH_DISK_SPACE',
      message: `The image ${name} needs ${formatBytes(neededBytes)} more, and ${formatBytes(RESERVE_BYTES)} stay free for VMs; the volume has ${formatBytes(freeBytes)} free.`,
      state: NOTHING_CHANGED,
      nextStep: 'Make room on the volume, for instance with `godwit image delete`.',
      details: { neededBytes, freeBytes },
    });
  }

  async #names(): Promise<string[]> {
    try {
      return await readdir(this.directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  async #makeDirectory(): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o755 });
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  let written = 0;
  while (written < chunk.byteLength) {
    const { bytesWritten } = await handle.write(chunk, written);
    written += bytesWritten;
  }
}

function refuseUnsuitable(name: string, head: Uint8Array): void {
  const header = readImageHeader(head);
  if (header.kind !== 'unsuitable') return;
  throw notTaken(
    `The image ${name} cannot be used: ${header.reason}.`,
    'Unpack or convert it first (`qemu-img convert -O qcow2`).',
  );
}

async function lookAt(path: string): Promise<ImageFile | null> {
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK a named pipe would hold the agent until somebody writes into it.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw notTaken(`The image ${path} cannot be used: ${code ?? String(error)}.`, 'Give another one.');
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw notTaken(`The image ${path} cannot be used: it is not a file.`, 'Give another one.');
    return await readImage(path, { handle, stats });
  } finally {
    await handle.close();
  }
}

async function readImage(
  path: string,
  { handle, stats }: { readonly handle: FileHandle; readonly stats: Stats },
): Promise<ImageFile> {
  const common = { name: basename(path), path, sizeBytes: stats.size, modifiedAtMs: stats.mtimeMs };
  const header = readImageHeader(await readAt(handle, 0, HEADER_BYTES));
  if (header.kind === 'unsuitable')
    return { ...common, kind: 'unsuitable', virtualSizeBytes: null, reason: header.reason };
  if (header.kind === 'qcow2')
    return { ...common, kind: 'qcow2', virtualSizeBytes: header.virtualSizeBytes, reason: null };
  const identifier = await readAt(handle, ISO_IDENTIFIER_OFFSET, ISO_IDENTIFIER.length);
  if (identifier.toString('latin1') === ISO_IDENTIFIER) {
    return { ...common, kind: 'iso', virtualSizeBytes: null, reason: null };
  }
  const virtualSizeBytes = Math.ceil(stats.size / SECTOR_BYTES) * SECTOR_BYTES;
  return { ...common, kind: 'raw', virtualSizeBytes, reason: null };
}

async function readAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
  return buffer.subarray(0, bytesRead);
}

function asImageError(name: string, error: unknown): GodwitError {
  if (error instanceof GodwitError) return error;
  if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') return imageFailed(name, error);
  return new GodwitError({
    code: 'NOT_ENOUGH_DISK_SPACE',
    message: `The volume was full before all of the image ${name} was there.`,
    state: 'Nothing of it is left.',
    nextStep: 'Make room on the volume, then send it again.',
  });
}

function imageExists(name: string): GodwitError {
  return new GodwitError({
    code: 'IMAGE_EXISTS',
    message: `There is already an image "${name}".`,
    state: NOTHING_CHANGED,
    nextStep: `Give it another name, or delete the other one with \`godwit image delete ${name}\`.`,
  });
}

function notTaken(message: string, nextStep: string): GodwitError {
  return new GodwitError({ code: 'INVALID_INPUT', message, state: 'Nothing of it is left.', nextStep });
}

function imageFailed(name: string, cause: unknown): GodwitError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new GodwitError(
    {
      code: 'DISK_FAILED',
      message: `The image ${name} failed: ${why}.`,
      state: 'Nothing new of it is there.',
      nextStep: 'Check the connection and the volume, then try again.',
    },
    cause,
  );
}
