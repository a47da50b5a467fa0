/**
 * What a guest writes to its serial port, as QEMU keeps it in a file. QEMU would let the file grow without end: each start
 * begins a new one, and one that has become too large is copied away and emptied, which QEMU does not notice, since it appends.
 */
import { chownSync, closeSync, fstatSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import { copyFile, rename, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';

const SIZE_MAX_BYTES = 1024 * 1024;
/** "…log.1" is the newest of those put aside. */
const KEPT_OLD_LOGS = 3;

export function serialLogPath(logDirectory: string, vm: string): string {
  return join(logDirectory, `serial-${vm}.log`);
}

/** An empty file for a new QEMU, which opens it itself, as its own user. */
export function beginSerialLog(path: string, user: { readonly uid: number; readonly gid: number } | null): void {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0) {
    rmSync(aside(path, KEPT_OLD_LOGS), { force: true });
    for (let age = KEPT_OLD_LOGS - 1; age >= 0; age -= 1) {
      const from = aside(path, age);
      if (statSync(from, { throwIfNoEntry: false }) !== undefined) renameSync(from, aside(path, age + 1));
    }
  }
  closeSync(openSync(path, 'a', 0o640));
  if (user !== null) chownSync(path, user.uid, user.gid);
}

/** What QEMU writes between the copy and the emptying is lost to the file. */
export async function trimSerialLog(path: string): Promise<void> {
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  if (size <= SIZE_MAX_BYTES) return;
  await rm(aside(path, KEPT_OLD_LOGS), { force: true });
  for (let age = KEPT_OLD_LOGS - 1; age >= 1; age -= 1) {
    await rename(aside(path, age), aside(path, age + 1)).catch(() => undefined);
  }
  await copyFile(path, aside(path, 1));
  await truncate(path);
}

/** The last bytes; empty if there is no such file. */
export function readSerialEnd(path: string, bytes: number): Uint8Array {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return new Uint8Array(0);
  }
  try {
    const { size } = fstatSync(file);
    const wanted = Buffer.alloc(Math.min(size, bytes));
    return wanted.subarray(0, readSync(file, wanted, 0, wanted.length, size - wanted.length));
  } finally {
    closeSync(file);
  }
}

function aside(path: string, age: number): string {
  return age === 0 ? path : `${path}.${age}`;
}
