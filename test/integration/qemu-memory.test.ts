import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { describe, expect, test } from 'vitest';
import { guestMemoryAddress } from '../../src/adapters/qmp/guest-memory.ts';
import { MEBIBYTE } from '../../src/model/units.ts';
import type { Instance } from '../../src/ports/hypervisor.ts';
import { askMonitor, node, record, start, startedMemoryBytes, useNodes, writeGuestMemory } from './qemu-fixture.ts';

useNodes();

const TEXT = Buffer.alloc(32 * MEBIBYTE, 'The bar-tailed godwit flies without landing.\n');

describe('the memory of a guest', () => {
  test.each([64, 255, 256, 512, 1024])('of %d MiB is found where QEMU has it', async (mebibytes) => {
    const hypervisor = node('node1');
    const instance = await start(hypervisor, false, { memoryBytes: mebibytes * MEBIBYTE });
    const maps = readFileSync(`/proc/${instance.pid}/maps`, 'latin1');
    hypervisor.release();
    const answer = await askMonitor(['node1', instance], 'human-monitor-command', { 'command-line': 'gpa2hva 0' });
    const [, address] = /\(pc\.ram\) is 0x([0-9a-f]+)/.exec(String(answer)) ?? [];
    expect(guestMemoryAddress(maps, startedMemoryBytes(mebibytes)).toString(16)).toBe(address);
  });

  test('is sampled: how much of it is used, and how small that becomes', async () => {
    const memoryBytes = 256 * MEBIBYTE;
    const instance = await start(node('node1'), false, { memoryBytes });
    await instance.resume();
    const empty = await instance.sampleMemory();
    expect(empty.usedBytes).toBeLessThan(16 * MEBIBYTE);
    await writeGuestMemory(instance, startedMemoryBytes(256), { offset: 64 * MEBIBYTE, data: TEXT });
    const text = await instance.sampleMemory();
    expect(text.usedBytes).toBeGreaterThan(28 * MEBIBYTE);
    expect(text.usedBytes).toBeLessThan(40 * MEBIBYTE);
    expect(text.compressedRatio).toBeLessThan(0.1);
    const random = { offset: 64 * MEBIBYTE, data: randomBytes(32 * MEBIBYTE) };
    await writeGuestMemory(instance, startedMemoryBytes(256), random);
    expect((await instance.sampleMemory()).compressedRatio).toBeGreaterThan(0.85);
  });

  test('is sampled without holding up the agent', async () => {
    const instance = await start(node('node1'), false, { memoryBytes: 256 * MEBIBYTE });
    await writeGuestMemory(instance, startedMemoryBytes(256), { offset: 0, data: randomBytes(64 * MEBIBYTE) });
    await instance.sampleMemory();
    const longestMs: number[] = [];
    for (let turn = 0; turn < 5; turn++) {
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      await instance.sampleMemory();
      delay.disable();
      longestMs.push(delay.max / 1e6);
    }
    console.log(
      'longest turn of the event loop in each of 5 samples, ms:',
      longestMs.map((ms) => ms.toFixed(1)).join(' '),
    );
    // The best of them: other processes get in between in the rest.
    expect(Math.min(...longestMs)).toBeLessThan(10);
  });

  test('of a process that has ended is not there to be sampled', async () => {
    const instance = await start(node('node1'), false);
    await instance.kill();
    await expect(instance.sampleMemory()).rejects.toMatchObject({
      code: 'HYPERVISOR_FAILED',
      message: expect.stringContaining('memory'),
    });
  });
});

describe('the dirty rate', () => {
  test('of a guest that does nothing is small, and calls that overlap share it', async () => {
    const instance = await start(node('node1'), false);
    await instance.resume();
    const [one, other] = await Promise.all([instance.sampleDirtyRate(), instance.sampleDirtyRate()]);
    expect(one).toBe(other);
    expect(one).toBeGreaterThanOrEqual(0);
    expect(one).toBeLessThan(32 * MEBIBYTE);
    expect(await instance.sampleDirtyRate()).not.toBeNull();
  });

  test('is never measured during a transfer, on neither side, nor while one begins', async () => {
    const [onSource, onDestination] = [node('node1'), node('node2')];
    const [source, destination] = await Promise.all([start(onSource, false), start(onDestination, true)]);
    await source.resume();
    expect(await destination.sampleDirtyRate()).toBeNull();
    const port = await destination.listenForMigration({ listenAddress: '127.0.0.1', tlsPeer: null });
    const seen = record(source);
    const slow = { bandwidthBytesPerSecond: 100_000, downtimeLimitMs: 1 };
    const begins = source.startTransfer({ address: '127.0.0.1', port, tlsPeer: null, ...slow });
    expect(await source.sampleDirtyRate()).toBeNull();
    await begins;
    await seen.status('active');
    expect(await source.sampleDirtyRate()).toBeNull();
    expect(await destination.sampleDirtyRate()).toBeNull();
    onSource.release();
    onDestination.release();
    for (const on of [
      ['node1', source],
      ['node2', destination],
    ] satisfies [string, Instance][]) {
      expect(await askMonitor(on, 'query-dirty-rate')).toMatchObject({ status: 'unstarted' });
    }
  });

  test('is not known when a migration began while it was measured', async () => {
    const [source, destination] = await Promise.all([start(node('node1'), false), start(node('node2'), true)]);
    await source.resume();
    const port = await destination.listenForMigration({ listenAddress: '127.0.0.1', tlsPeer: null });
    const seen = record(source);
    const measured = source.sampleDirtyRate();
    await source.startTransfer({ address: '127.0.0.1', port, tlsPeer: null });
    await seen.status('completed');
    expect(await measured).toBeNull();
  });
});
