import type { Stats } from 'node:fs';
import { constants, type FileHandle, open } from 'node:fs/promises';
import { GodwitError, NOTHING_CHANGED } from '../../model/errors.ts';
import { HEADER_BYTES, readImageHeader } from './image-header.ts';
import { type QemuImgFailed, type QemuUser, runQemuImg, SOURCE_PATH } from './qemu-img.ts';

const SECTOR_BYTES = 512;

/** An image from outside, opened and looked at. Whoever gets it closes it. */
export interface SourceImage {
  readonly handle: FileHandle;
  readonly format: 'qcow2' | 'raw';
  readonly virtualSizeBytes: number;
}

/**
 * Opens an image that is to become a disk. Throws INVALID_INPUT unless it is a qcow2 or raw image that stands alone and that
 * QEMU's user may read: the agent is root, and must not hand out files that are root's alone.
 */
export async function openSourceImage(file: string, user: QemuUser | null): Promise<SourceImage> {
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK a named pipe would hold the agent until somebody writes into it.
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw unsuitable(file, (error as NodeJS.ErrnoException).code ?? String(error));
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw unsuitable(file, 'it is not a file');
    if (user !== null && !mayRead(stats, user))
      throw unsuitable(file, `the user of QEMU (uid ${user.uid}) may not read it`);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    const header = readImageHeader(buffer.subarray(0, bytesRead));
    if (header.kind === 'unsuitable') throw unsuitable(file, header.reason);
    if (header.kind === 'qcow2') return { handle, format: 'qcow2', virtualSizeBytes: header.virtualSizeBytes };
    return { handle, format: 'raw', virtualSizeBytes: Math.ceil(stats.size / SECTOR_BYTES) * SECTOR_BYTES };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** By the permission bits; the directories above do not matter, because the file is handed over open. */
function mayRead(stats: Stats, user: QemuUser): boolean {
  if (stats.uid === user.uid) return (stats.mode & 0o400) !== 0;
  if (stats.gid === user.gid) return (stats.mode & 0o040) !== 0;
  return (stats.mode & 0o004) !== 0;
}

/** With `backing` null QEMU opens no base, even if the header was changed after it was looked at. */
export function blockDeviceOf(source: SourceImage): string {
  const file = { driver: 'file', filename: SOURCE_PATH };
  const image = source.format === 'qcow2' ? { driver: 'qcow2', file, backing: null } : { driver: 'raw', file };
  return `json:${JSON.stringify(image)}`;
}

const CHECK_FOUND_CORRUPTION = 2;
const CHECK_FOUND_LEAKS_ONLY = 3;

/**
 * Throws INVALID_INPUT if a qcow2 is damaged, e.g. cut off by a download that broke: QEMU itself reads what is missing as
 * zeros and reports nothing. A raw image has nothing to check.
 */
export async function refuseDamaged(file: string, source: SourceImage, user: QemuUser | null): Promise<void> {
  if (source.format !== 'qcow2') return;
  try {
    await runQemuImg(['check', '-q', blockDeviceOf(source)], { user, sourceFd: source.handle.fd });
  } catch (error) {
    const { status, message } = error as QemuImgFailed;
    if (status === CHECK_FOUND_LEAKS_ONLY) return;
    throw unsuitable(file, status === CHECK_FOUND_CORRUPTION ? 'it is damaged or not complete' : message);
  }
}

function unsuitable(file: string, reason: string): GodwitError {
  return new GodwitError({
    code: 'INVALID_INPUT',
    message: `The image ${file} cannot be used: ${reason}.`,
    state: NOTHING_CHANGED,
    nextStep:
      'Give the path, on the node, of a readable qcow2 or raw image that stands alone (`qemu-img convert` makes one).',
  });
}
