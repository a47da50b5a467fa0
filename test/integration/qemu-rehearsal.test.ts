import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { beforeAll, describe, expect, test } from 'vitest';
import { MEBIBYTE } from '../../src/model/units.ts';
import type { Instance } from '../../src/ports/hypervisor.ts';
import {
  askMonitor,
  directory,
  hypervisors,
  node,
  readGuestMemory,
  record,
  start,
  startedMemoryBytes,
  useNodes,
} from './qemu-fixture.ts';

const WRITER_DISK = join(directory, 'writer.raw');

/**
 * A boot sector that goes into protected mode and then, page by page, without end, adds one to the first word of every page
 * between 16 and 48 MiB.
 */
const WRITER = Buffer.from(
  [
    'fa 31c0 8ed8 e492 0c02 e692', // interrupts off, ds = 0, address line 20 on
    '0f0116687c 0f20c0 0c01 0f22c0 ea1d7c0800', // the table below, protected mode
    '66b81000 8ed8', // ds = all memory
    'bf00000001', // edi = 16 MiB
    'ff07 b900400000 49 75fd', // one more; a pause
    '81c700100000 81ff00000003 72e8', // the next page, up to 48 MiB
    'ebe1', // from the first one again
  ]
    .join('')
    .replaceAll(' ', ''),
  'hex',
);
const SEGMENTS = Buffer.from('0000000000000000ffff0000009acf00ffff00000092cf001700507c0000', 'hex');

useNodes();

beforeAll(() => {
  const disk = Buffer.alloc(MEBIBYTE);
  WRITER.copy(disk, 0);
  SEGMENTS.copy(disk, 0x50);
  disk.set([0x55, 0xaa], 510);
  writeFileSync(WRITER_DISK, disk);
});

function startWriter(on: 'node1' | 'node2', mebibytes: number): Promise<Instance> {
  return start(node(on), on === 'node2', {
    memoryBytes: mebibytes * MEBIBYTE,
    disks: [{ id: 'disk0', path: WRITER_DISK, format: 'raw', sizeBytes: MEBIBYTE }],
  });
}

async function runningWriter(mebibytes = 256): Promise<Instance> {
  const source = await startWriter('node1', mebibytes);
  await source.resume();
  const memoryBytes = startedMemoryBytes(mebibytes);
  const written = async () => (await readGuestMemory(source, memoryBytes)).readUInt32LE(47 * MEBIBYTE) > 0;
  while (!(await written())) await new Promise((resolve) => setTimeout(resolve, 20));
  return source;
}

/** Resolves with the destination once everything is there. */
async function migrate(source: Instance, mebibytes = 256): Promise<Instance> {
  const destination = await startWriter('node2', mebibytes);
  const port = await destination.listenForMigration({ listenAddress: '127.0.0.1', tlsPeer: null });
  const seen = record(source);
  await source.startTransfer({ address: '127.0.0.1', port, tlsPeer: null, downtimeLimitMs: 300 });
  await seen.status('completed');
  return destination;
}

/** With both guests standing still. */
async function expectSameMemory(source: Instance, destination: Instance, mebibytes = 256): Promise<void> {
  const memoryBytes = startedMemoryBytes(mebibytes);
  const [sent, arrived] = await Promise.all([source, destination].map((one) => readGuestMemory(one, memoryBytes)));
  expect(sent?.equals(arrived ?? Buffer.alloc(0))).toBe(true);
}

/** For how long QEMU's main loop, which also does the guest's I/O, did not answer while `work` went on, at most; in ms. */
async function longestSilence(instance: Instance, work: Promise<unknown>): Promise<number> {
  let [longestMs, over] = [0, false];
  void work.finally(() => {
    over = true;
  });
  while (!over) {
    const askedAtMs = performance.now();
    await instance.runState();
    longestMs = Math.max(longestMs, performance.now() - askedAtMs);
  }
  return longestMs;
}

function inDirectory(name: string, instance: Instance, file: string): string {
  return join(directory, name, 'vms', instance.id, file);
}

/** The agent of the node dies; the next one takes over. */
async function nextAgent(name: string): Promise<Instance> {
  for (const hypervisor of hypervisors.splice(0)) hypervisor.release();
  const [found] = await node(name).adopt();
  if (found === undefined) throw new Error('The next agent does not find it.');
  return found;
}

describe('a rehearsal', () => {
  test('takes the delay from the first migration, is heard of by nobody, and no memory is lost', async () => {
    const setupMs: Record<string, number[]> = { with: [], without: [] };
    const silences: string[] = [];
    for (const rehearsed of [false, true, false, true]) {
      const source = await runningWriter();
      const seen = record(source);
      if (rehearsed) {
        const prepared = source.prepareDirtyTracking();
        const second = source.prepareDirtyTracking();
        silences.push((await longestSilence(source, prepared)).toFixed(0));
        await second;
        expect(seen.events).toEqual([]);
        expect(await source.runState()).toBe('running');
        expect(await source.transfer()).toMatchObject({ status: 'none', transferredBytes: 0, round: 0 });
        expect(readFileSync(inDirectory('node1', source, 'rehearsal'), 'utf8')).toBe('ended');
        expect(existsSync(inDirectory('node1', source, 'try.sock'))).toBe(false);
        await new Promise((resolve) => setTimeout(resolve, 500));
        expect(await source.sampleDirtyRate()).not.toBeNull();
      }
      const destination = await migrate(source);
      const snapshot = await source.transfer();
      expect(snapshot.status).toBe('completed');
      setupMs[rehearsed ? 'with' : 'without']?.push(snapshot.setupMs);
      await expectSameMemory(source, destination);
      await destination.resume();
      await source.quit();
      await destination.kill();
    }
    console.log(
      `setup of the first migration, ms: ${JSON.stringify(setupMs)}; silence in the rehearsal: ${silences.join(' ')}`,
    );
    expect(Math.min(...(setupMs['with'] ?? []))).toBeLessThan(Math.min(...(setupMs['without'] ?? [])) / 2);
  }, 60_000);

  test.each([0, 20, 120])('lets a migration that is asked for %d ms later through', async (afterMs) => {
    const source = await runningWriter();
    const destination = await startWriter('node2', 256);
    const port = await destination.listenForMigration({ listenAddress: '127.0.0.1', tlsPeer: null });
    const seen = record(source);
    const prepared = source.prepareDirtyTracking();
    if (afterMs > 0) await new Promise((resolve) => setTimeout(resolve, afterMs));
    await source.startTransfer({ address: '127.0.0.1', port, tlsPeer: null, downtimeLimitMs: 300 });
    await prepared;
    await seen.status('completed');
    const statuses = seen.events.flatMap((event) => (event.kind === 'migration-status' ? event.status : []));
    expect(statuses).toEqual(['setup', 'active', 'completed']);
    await expectSameMemory(source, destination);
    await destination.resume();
    expect(await destination.runState()).toBe('running');
  });

  test('is not held where memory is on its way, awaited, or the guest does not run', async () => {
    const source = await startWriter('node1', 64);
    await source.prepareDirtyTracking();
    expect(existsSync(inDirectory('node1', source, 'rehearsal'))).toBe(false);
    await source.resume();
    const destination = await startWriter('node2', 64);
    await destination.prepareDirtyTracking();
    const port = await destination.listenForMigration({ listenAddress: '127.0.0.1', tlsPeer: null });
    await destination.prepareDirtyTracking();
    const seen = record(source);
    const slow = { bandwidthBytesPerSecond: 100_000, downtimeLimitMs: 1 };
    const begins = source.startTransfer({ address: '127.0.0.1', port, tlsPeer: null, ...slow });
    await source.prepareDirtyTracking();
    await begins;
    await seen.status('active');
    await source.prepareDirtyTracking();
    // Nor by an agent that knows of the transfer only from QEMU.
    const found = await nextAgent('node1');
    await found.prepareDirtyTracking();
    expect((await found.transfer()).status).toBe('active');
    expect(existsSync(inDirectory('node1', source, 'rehearsal'))).toBe(false);
    expect(existsSync(inDirectory('node2', destination, 'rehearsal'))).toBe(false);
  });

  test('that was cut off with its agent is ended by the next one, and a migration works', async () => {
    const source = await runningWriter(64);
    for (const hypervisor of hypervisors.splice(0)) hypervisor.release();
    // As an agent leaves it that dies in the middle, but with a reader that lives on.
    writeFileSync(inDirectory('node1', source, 'rehearsal'), 'begun');
    const path = inDirectory('node1', source, 'try.sock');
    const server = createServer({ pauseOnConnect: true }, (socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    await askMonitor(['node1', source], 'migrate-set-parameters', { 'max-bandwidth': 10, 'downtime-limit': 1 });
    await askMonitor(['node1', source], 'migrate', { uri: `unix:${path}` });
    const found = await nextAgent('node1');
    expect(readFileSync(inDirectory('node1', source, 'rehearsal'), 'utf8')).toBe('ended');
    expect(await found.runState()).toBe('running');
    expect((await found.transfer()).status).toBe('none');
    const again = await nextAgent('node1');
    expect((await again.transfer()).status).toBe('none');
    server.close();
    const destination = await migrate(again, 64);
    expect(readFileSync(inDirectory('node1', source, 'rehearsal'), 'utf8')).toBe('superseded');
    await expectSameMemory(again, destination, 64);
  });

  test('lies before a migration that is under way, so that the next agent leaves that one alone', async () => {
    const source = await runningWriter(64);
    await source.prepareDirtyTracking();
    const destination = await startWriter('node2', 64);
    const port = await destination.listenForMigration({ listenAddress: '127.0.0.1', tlsPeer: null });
    const seen = record(source);
    const slow = { bandwidthBytesPerSecond: 100_000, downtimeLimitMs: 1 };
    await source.startTransfer({ address: '127.0.0.1', port, tlsPeer: null, ...slow });
    await seen.status('active');
    const found = await nextAgent('node1');
    expect((await found.transfer()).status).toBe('active');
    await found.cancelTransfer();
    // Now it is the migration that was cancelled.
    expect((await found.transfer()).status).toBe('cancelled');
  });

  test('is held again by the process that the guest arrived in', async () => {
    const source = await runningWriter(64);
    await source.prepareDirtyTracking();
    const destination = await migrate(source, 64);
    await destination.resume();
    await source.quit();
    await destination.prepareDirtyTracking();
    expect(readFileSync(inDirectory('node2', destination, 'rehearsal'), 'utf8')).toBe('ended');
    expect(await destination.runState()).toBe('running');
  });

  test.runIf(process.getuid?.() === 0)('reaches the agent also from a QEMU with a user of its own', async () => {
    chmodSync(directory, 0o711);
    const source = await start(node('node1', { uid: 64_999, gid: 64_998 }), false, { disks: [] });
    await source.resume();
    await source.prepareDirtyTracking();
    expect(readFileSync(inDirectory('node1', source, 'rehearsal'), 'utf8')).toBe('ended');
  });

  test('does not hold up the end of its process', async () => {
    const source = await runningWriter(64);
    const prepared = source.prepareDirtyTracking();
    await source.kill();
    await prepared;
    expect(source.alive).toBe(false);
  });
});
