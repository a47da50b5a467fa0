import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDisks } from '../../src/adapters/disks/disks.ts';
import { MEBIBYTE } from '../../src/model/units.ts';
import type { VmDisk } from '../../src/model/vm.ts';

const QEMU_USER = { uid: 64_077, gid: 64_077 };
const disks = createDisks({ qemuUser: QEMU_USER });

let directory: string;
let volume: string;
let disk: VmDisk;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'godwit-disks-'));
  chmodSync(directory, 0o755);
  volume = join(directory, 'volume');
  mkdirSync(volume);
  disk = diskAt(volume);
});
afterEach(() => rmSync(directory, { recursive: true }));

function diskAt(root: string, more: Partial<VmDisk> = {}): VmDisk {
  return {
    id: 'disk0',
    path: join(root, 'vms', 'WebServer', 'disk0.qcow2'),
    format: 'qcow2',
    sizeBytes: 512 * MEBIBYTE,
    ...more,
  };
}

function qemuImg(...args: string[]): string {
  return execFileSync('qemu-img', args, { encoding: 'utf8' });
}

function infoOf(path: string): { format: string; 'virtual-size': number; 'actual-size': number } {
  return JSON.parse(qemuImg('info', '--output=json', path)) as ReturnType<typeof infoOf>;
}

/** A raw image with some content at the beginning and at 3 MiB. */
function rawImage(sizeBytes = 4 * MEBIBYTE): string {
  const file = join(directory, 'image.raw');
  const content = Buffer.alloc(sizeBytes);
  content.fill('\xeb\x63godwit', 0, 4096, 'latin1');
  content.fill('lapponica', 3 * MEBIBYTE, 3 * MEBIBYTE + 4096);
  writeFileSync(file, content);
  return file;
}

describe('create', () => {
  test('makes a thin image of the asked size that belongs to QEMU alone', async () => {
    await disks.create(disk);
    expect(infoOf(disk.path)).toMatchObject({ format: 'qcow2', 'virtual-size': 512 * MEBIBYTE });
    expect(infoOf(disk.path)['actual-size']).toBeLessThan(MEBIBYTE);
    const [file, folder] = [statSync(disk.path), statSync(join(volume, 'vms', 'WebServer'))];
    expect([file.uid, file.gid, file.mode & 0o7777]).toEqual([QEMU_USER.uid, QEMU_USER.gid, 0o660]);
    expect([folder.uid, folder.gid, folder.mode & 0o7777]).toEqual([QEMU_USER.uid, QEMU_USER.gid, 0o750]);
    expect(readdirSync(join(volume, 'vms', 'WebServer'))).toEqual(['disk0.qcow2']);
  });

  test('makes a raw image', async () => {
    const raw = diskAt(volume, { format: 'raw', path: join(volume, 'vms', 'WebServer', 'disk0.raw') });
    await disks.create(raw);
    expect(statSync(raw.path).size).toBe(512 * MEBIBYTE);
  });

  test('never overwrites a file, nor follows a link', async () => {
    await disks.create(disk);
    const before = readFileSync(disk.path);
    await expect(disks.create({ ...disk, sizeBytes: MEBIBYTE })).rejects.toMatchObject({ code: 'DISK_EXISTS' });
    expect(readFileSync(disk.path).equals(before)).toBe(true);
    const linked = diskAt(volume, { path: join(volume, 'vms', 'WebServer', 'disk1.qcow2') });
    execFileSync('ln', ['-s', join(directory, 'nowhere'), linked.path]);
    await expect(disks.create(linked)).rejects.toMatchObject({ code: 'DISK_EXISTS' });
  });

  test('lets exactly one of several at once make the disk', async () => {
    const outcomes = await Promise.allSettled([disks.create(disk), disks.create(disk), disks.create(disk)]);
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'DISK_EXISTS' });
    }
    expect(readdirSync(join(volume, 'vms', 'WebServer'))).toEqual(['disk0.qcow2']);
  });

  test('says what qemu-img said, and leaves nothing, when it fails', async () => {
    await expect(disks.create({ ...disk, sizeBytes: -1 })).rejects.toMatchObject({ code: 'DISK_FAILED' });
    expect(readdirSync(join(volume, 'vms'))).toEqual([]);
  });
});

describe('a full volume', () => {
  beforeEach(() => execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=70m,mode=0755', 'godwit-test', volume]));
  afterEach(() => execFileSync('umount', [volume]));

  test('is refused with the figures, and nothing is made', async () => {
    writeFileSync(join(volume, 'filler'), Buffer.alloc(20 * MEBIBYTE));
    await expect(disks.create(disk)).rejects.toMatchObject({
      code: 'NOT_ENOUGH_DISK_SPACE',
      message: `${disk.path} needs 64 MiB to begin with; its volume has 50 MiB free.`,
      details: { neededBytes: 64 * MEBIBYTE, freeBytes: 50 * MEBIBYTE },
    });
    expect(readdirSync(volume)).toEqual(['filler']);
  });

  test('with room for an empty disk is refused for an image that does not fit', async () => {
    const file = join(directory, 'big.raw');
    writeFileSync(file, Buffer.alloc(16 * MEBIBYTE, 0xee));
    await disks.create(diskAt(volume, { path: join(volume, 'vms', 'Other', 'disk0.qcow2') }));
    await expect(disks.importImage(disk, file)).rejects.toMatchObject({ code: 'NOT_ENOUGH_DISK_SPACE' });
    expect(readdirSync(join(volume, 'vms'))).toEqual(['Other']);
  });
});

describe('importImage', () => {
  test('copies a raw image and a qcow2 into a disk of the asked size, content unchanged', async () => {
    const raw = rawImage();
    const qcow2 = join(directory, 'image.qcow2');
    qemuImg('convert', '-O', 'qcow2', '-c', raw, qcow2);
    for (const [index, file] of [raw, qcow2].entries()) {
      const made = diskAt(volume, {
        path: join(volume, 'vms', 'WebServer', `disk${index}.qcow2`),
        sizeBytes: 8 * MEBIBYTE,
      });
      await disks.importImage(made, file);
      expect(infoOf(made.path)).toMatchObject({ format: 'qcow2', 'virtual-size': 8 * MEBIBYTE });
      expect(statSync(made.path).uid).toBe(QEMU_USER.uid);
      // Ignores zeros at the end, so this compares the content.
      expect(qemuImg('compare', '-F', 'qcow2', raw, made.path)).toContain('Images are identical');
    }
  });

  test('reads an image below a directory that is closed to QEMU', async () => {
    const closed = join(directory, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    const file = join(closed, 'image.raw');
    writeFileSync(file, Buffer.alloc(MEBIBYTE, 0xee));
    await disks.importImage(disk, file);
    expect(infoOf(disk.path)).toMatchObject({ 'virtual-size': disk.sizeBytes });
  });

  test('refuses an image that names another file, is closed to QEMU, absent, empty, a directory or a pipe', async () => {
    const base = rawImage();
    const [based, external] = [join(directory, 'based.qcow2'), join(directory, 'external.qcow2')];
    qemuImg('create', '-q', '-f', 'qcow2', '-b', base, '-F', 'raw', based);
    qemuImg('create', '-q', '-f', 'qcow2', '-o', `data_file=${join(directory, 'data.raw')}`, external, '1M');
    const secret = join(directory, 'secret');
    writeFileSync(secret, 'x', { mode: 0o600 });
    const [empty, pipe] = [join(directory, 'empty'), join(directory, 'pipe')];
    writeFileSync(empty, '');
    execFileSync('mkfifo', [pipe]);
    for (const [file, reason] of [
      [based, 'it refers to another file as its base'],
      [external, 'it keeps its data in another file'],
      [secret, 'the user of QEMU (uid 64077) may not read it'],
      [join(directory, 'absent'), 'ENOENT'],
      [empty, 'it is empty'],
      [directory, 'it is not a file'],
      [pipe, 'it is not a file'],
    ] as const) {
      const message = `The image ${file} cannot be used: ${reason}.`;
      await expect(disks.importImage(disk, file)).rejects.toMatchObject({ code: 'INVALID_INPUT', message });
      await expect(disks.virtualSizeBytes(file)).rejects.toMatchObject({ code: 'INVALID_INPUT', message });
    }
    expect(readdirSync(volume)).toEqual([]);
  });

  test('refuses an image larger than the disk, and a disk that exists', async () => {
    const file = rawImage();
    await expect(disks.importImage({ ...disk, sizeBytes: 2 * MEBIBYTE }, file)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
    await disks.create(disk);
    await expect(disks.importImage(disk, file)).rejects.toMatchObject({ code: 'DISK_EXISTS' });
  });

  test('refuses an image that was cut off by a download that broke', async () => {
    const file = join(directory, 'cut-off.qcow2');
    qemuImg('convert', '-O', 'qcow2', rawImage(), file);
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.subarray(0, bytes.length - 80_000));
    await expect(disks.importImage(disk, file)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: `The image ${file} cannot be used: it is damaged or not complete.`,
    });
    expect(existsSync(join(volume, 'vms'))).toBe(false);
  });
});

describe('virtualSizeBytes', () => {
  test('is that of the guest, in whole sectors', async () => {
    const qcow2 = join(directory, 'image.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', qcow2, '3M');
    expect(await disks.virtualSizeBytes(qcow2)).toBe(3 * MEBIBYTE);
    const odd = join(directory, 'odd.raw');
    writeFileSync(odd, Buffer.alloc(1000, 0xee));
    expect(await disks.virtualSizeBytes(odd)).toBe(1024);
    await disks.importImage({ ...disk, sizeBytes: 1024 }, odd);
    expect(infoOf(disk.path)['virtual-size']).toBe(1024);
  });
});

describe('remove', () => {
  test('removes the disk, what a killed agent left of it, and the directory with the last disk', async () => {
    const second = diskAt(volume, { id: 'disk1', path: join(volume, 'vms', 'WebServer', 'disk1.qcow2') });
    await disks.create(disk);
    await disks.create(second);
    writeFileSync(join(volume, 'vms', 'WebServer', '.disk0.qcow2.draft-0123'), '');
    expect(await disks.exists(disk.path)).toBe(true);
    await disks.remove(disk);
    expect(await disks.exists(disk.path)).toBe(false);
    expect(readdirSync(join(volume, 'vms', 'WebServer'))).toEqual(['disk1.qcow2']);
    await disks.remove(second);
    expect(readdirSync(join(volume, 'vms'))).toEqual([]);
    await disks.remove(second);
  });
});
