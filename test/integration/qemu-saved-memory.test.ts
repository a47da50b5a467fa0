import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { savedMemoryFiles } from '../../src/adapters/disks/saved-memory-files.ts';
import { MEBIBYTE } from '../../src/model/units.ts';
import type { Instance } from '../../src/ports/hypervisor.ts';
import { testDefinition } from '../doubles/cluster-facts.ts';
import {
  directory,
  instanceDirectories,
  node,
  readGuestMemory,
  start,
  startedMemoryBytes,
  useNodes,
  writeGuestMemory,
} from './qemu-fixture.ts';

useNodes();

const MEMORY_BYTES = startedMemoryBytes(64);
const USED = randomBytes(32 * MEBIBYTE);

let files = 0;
const newPath = (below = directory) => join(below, `${(files += 1)}.memory`);

async function runningGuest(): Promise<Instance> {
  const instance = await start(node('node1'), false);
  // Before the firmware runs, which would crash over it.
  await writeGuestMemory(instance, MEMORY_BYTES, { offset: 16 * MEBIBYTE, data: USED });
  await instance.resume();
  return instance;
}

describe('the memory of a guest in a file', () => {
  test('is what another QEMU on another node goes on with, again and again', async () => {
    let instance = await runningGuest();
    for (const to of ['node2', 'node1']) {
      const path = newPath();
      const sizeBytes = await instance.saveMemory(path).bytes;
      expect(sizeBytes).toBe(statSync(path).size);
      expect(sizeBytes).toBeGreaterThan(USED.length);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(await instance.runState()).toBe('postmigrate');
      const before = await readGuestMemory(instance, MEMORY_BYTES);
      const next = await start(node(to), false, { savedMemory: path });
      expect(await next.runState()).toBe('paused');
      expect((await readGuestMemory(next, MEMORY_BYTES)).equals(before)).toBe(true);
      await instance.kill();
      await next.resume();
      expect(await next.runState()).toBe('running');
      instance = next;
    }
  });

  test('of a paused guest is saved as well', async () => {
    const instance = await runningGuest();
    await instance.pause();
    expect(await instance.saveMemory(newPath()).bytes).toBeGreaterThan(USED.length);
    expect(await instance.runState()).toBe('postmigrate');
  });

  test('can be migrated after it was loaded, and saved after it was migrated', async () => {
    const path = newPath();
    const source = await runningGuest();
    await source.saveMemory(path).bytes;
    const loaded = await start(node('node1'), false, { savedMemory: path });
    await source.kill();
    await loaded.resume();
    const destination = await start(node('node2'), true);
    const port = await destination.listenForMigration({ listenAddress: '127.0.0.1', tlsPeer: 'node1' });
    await loaded.startTransfer({ address: '127.0.0.1', port, tlsPeer: 'node2', downtimeLimitMs: 100 });
    while ((await loaded.transfer()).status !== 'completed') await sleep(20);
    destination.noteMayRun();
    await destination.resume();
    await loaded.kill();
    expect(await destination.saveMemory(newPath()).bytes).toBeGreaterThan(USED.length);
  });
});

describe('a guest whose memory could not be saved goes on, and nothing of the file is left', () => {
  test('because the volume is full', async () => {
    const small = join(directory, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'small', small]);
    try {
      const instance = await runningGuest();
      const path = newPath(small);
      await expect(instance.saveMemory(path).bytes).rejects.toMatchObject({ code: 'NOT_ENOUGH_DISK_SPACE' });
      await goesOn(instance, path);
    } finally {
      execFileSync('umount', [small]);
    }
  });

  test('because nobody waits for it any more', async () => {
    const instance = await runningGuest();
    const path = newPath();
    const save = instance.saveMemory(path);
    save.bytes.catch(() => undefined);
    while (!existsSync(path)) await sleep(1);
    save.abort(new Error('it is to be turned off'));
    await expect(save.bytes).rejects.toThrow('it is to be turned off');
    await goesOn(instance, path);
  });

  test('because there is no such directory', async () => {
    const instance = await runningGuest();
    const path = newPath(join(directory, 'nowhere'));
    await expect(instance.saveMemory(path).bytes).rejects.toMatchObject({ code: 'DISK_FAILED' });
    await goesOn(instance, path);
  });
});

test('what is not a whole file is not loaded, and no QEMU stays', async () => {
  const instance = await runningGuest();
  const path = newPath();
  const sizeBytes = await instance.saveMemory(path).bytes;
  truncateSync(path, Math.trunc(sizeBytes / 2));
  const failure = { code: 'HYPERVISOR_FAILED', message: expect.stringContaining('could not be started') };
  await expect(start(node('node2'), false, { savedMemory: path })).rejects.toMatchObject(failure);
  await expect(start(node('node2'), false, { savedMemory: newPath() })).rejects.toMatchObject(failure);
  expect(instanceDirectories('node2')).toEqual([]);
});

test('a volume that hangs ends when nobody wants the guest any more, and no QEMU stays', async () => {
  const path = newPath();
  execFileSync('mkfifo', [path]);
  const { promise, resolve } = Promise.withResolvers<Error>();
  const started = start(node('node2'), false, { savedMemory: path, givenUp: promise });
  started.catch(() => undefined);
  while (instanceDirectories('node2').length === 0) await sleep(10);
  resolve(new Error('it is to be turned off'));
  await expect(started).rejects.toMatchObject({ message: expect.stringContaining('it is to be turned off') });
  expect(instanceDirectories('node2')).toEqual([]);
  // Lets go of whoever still waits for it to be opened, or is about to.
  openSync(path, constants.O_RDWR);
});

describe('the files', () => {
  const disk = { id: 'disk0', path: join(directory, 'vm/disk0.qcow2'), format: 'qcow2', sizeBytes: MEBIBYTE } as const;
  const vm = { ...testDefinition('A'), uuid: 'aaaa', disks: [disk] };

  test('of one VM are found, removed and told from those of others', async () => {
    expect(await savedMemoryFiles.list(vm)).toEqual([]);
    mkdirSync(join(directory, 'vm'));
    const paths = [];
    for (const request of ['r1', 'r2']) {
      const path = await savedMemoryFiles.place(vm, { request, bytes: MEBIBYTE });
      writeFileSync(path, 'x');
      paths.push(path);
    }
    const others = await savedMemoryFiles.place({ ...vm, uuid: 'bbbb' }, { request: 'r1', bytes: 0 });
    for (const path of [others, join(directory, 'vm/aaaa-disk.qcow2')]) writeFileSync(path, 'x');
    expect([...(await savedMemoryFiles.list(vm))].sort()).toEqual(paths);
    // An earlier try for the same request.
    expect(await savedMemoryFiles.place(vm, { request: 'r2', bytes: 0 })).toBe(paths[1]);
    expect(await savedMemoryFiles.list(vm)).toEqual([paths[0]]);
    await savedMemoryFiles.remove({ path: paths[0] ?? '' });
    await savedMemoryFiles.remove({ path: paths[0] ?? '' });
    expect(readdirSync(join(directory, 'vm')).sort()).toEqual(['aaaa-disk.qcow2', 'bbbb-r1.memory']);
  });

  test('have no place without a disk, nor on a volume without room', async () => {
    const needs = { request: 'r', bytes: 2 ** 60 };
    await expect(savedMemoryFiles.place(vm, needs)).rejects.toMatchObject({ code: 'NOT_ENOUGH_DISK_SPACE' });
    await expect(savedMemoryFiles.place({ ...vm, disks: [] }, needs)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});

async function goesOn(instance: Instance, path: string): Promise<void> {
  while (existsSync(path)) await sleep(5);
  await instance.resume();
  expect(await instance.runState()).toBe('running');
}
