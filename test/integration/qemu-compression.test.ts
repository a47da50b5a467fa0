import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { TransferCompression } from '../../src/model/intent.ts';
import { MEBIBYTE } from '../../src/model/units.ts';
import type { Instance } from '../../src/ports/hypervisor.ts';
import {
  node,
  readGuestMemory,
  record,
  start,
  startedMemoryBytes,
  useNodes,
  writeGuestMemory,
} from './qemu-fixture.ts';

useNodes();

const MEMORY_BYTES = startedMemoryBytes(64);
const CONTENT = Buffer.concat([
  Buffer.alloc(8 * MEBIBYTE, 'The bar-tailed godwit flies without landing.\n'),
  randomBytes(8 * MEBIBYTE),
]);

async function filledSource(): Promise<Instance> {
  const source = await start(node('node1'), false);
  await source.resume();
  await writeGuestMemory(source, MEMORY_BYTES, { offset: 24 * MEBIBYTE, data: CONTENT });
  return source;
}

interface Transfer {
  readonly compression: TransferCompression;
  readonly tls: boolean;
  readonly slow?: boolean;
}

/** A destination that waits, and the transfer to it begun. */
async function transferTo(name: string, source: Instance, { compression, tls, slow }: Transfer): Promise<Instance> {
  const destination = await start(node(name), true);
  const port = await destination.listenForMigration({
    ...{ listenAddress: '127.0.0.1', tlsPeer: tls ? 'node1' : null, compression },
  });
  await source.startTransfer({
    ...{ address: '127.0.0.1', port, tlsPeer: tls ? name : null, compression, downtimeLimitMs: 25 },
    ...(slow === true && { bandwidthBytesPerSecond: 100_000, downtimeLimitMs: 1 }),
  });
  return destination;
}

/** With both guests standing still. */
async function expectSameMemory(source: Instance, destination: Instance): Promise<void> {
  const [sent, arrived] = await Promise.all([source, destination].map((one) => readGuestMemory(one, MEMORY_BYTES)));
  expect(sent?.equals(arrived ?? Buffer.alloc(0))).toBe(true);
}

describe('compression', () => {
  test.each([
    ['none', false],
    ['xbzrle', false],
    ['xbzrle', true],
    ['multifd-zstd', false],
    ['multifd-zstd', true],
  ] as const)('%s, TLS %s: everything arrives', async (compression, tls) => {
    const source = await filledSource();
    const seen = record(source);
    const destination = await transferTo('node2', source, { compression, tls });
    await seen.status('completed');
    const snapshot = await source.transfer();
    expect(snapshot.xbzrle === null).toBe(compression !== 'xbzrle');
    // QEMU 7.2 counts pages before they are compressed.
    expect(snapshot.transferredBytes).toBeGreaterThan(CONTENT.length);
    expect(snapshot.zeroBytes).toBeGreaterThan(32 * MEBIBYTE);
    await expectSameMemory(source, destination);
    await destination.resume();
    expect(await destination.runState()).toBe('running');
  });

  test.each([
    ['multifd-zstd', 'none'],
    ['none', 'multifd-zstd'],
    ['xbzrle', 'multifd-zstd'],
    ['multifd-zstd', 'xbzrle'],
    ['xbzrle', 'none'],
  ] as const)('%s, cancelled, leaves nothing behind for %s', async (first, second) => {
    const source = await filledSource();
    const seen = record(source);
    const refused = await transferTo('node2', source, { compression: first, tls: false, slow: true });
    await seen.status('active');
    await source.cancelTransfer();
    // With several channels QEMU may notice first that one of them was cut: it says `failed` then.
    await expect
      .poll(async () => (await source.transfer()).status, { timeout: 20_000 })
      .toMatch(/^(cancelled|failed)$/);
    await refused.kill();
    const completed = Promise.withResolvers<void>();
    source.subscribe((event) => {
      if (event.kind !== 'migration-status') return;
      if (event.status === 'completed') completed.resolve();
      if (event.status === 'failed') completed.reject(new Error('The second transfer failed.'));
    });
    const destination = await transferTo('node2', source, { compression: second, tls: false });
    await completed.promise;
    expect((await source.transfer()).xbzrle === null).toBe(second !== 'xbzrle');
    await expectSameMemory(source, destination);
  });

  test('by differences gets its memory while the transfer runs, and gives it back', async () => {
    const source = await filledSource();
    const seen = record(source);
    const destination = await transferTo('node2', source, { compression: 'xbzrle', tls: false, slow: true });
    await seen.status('active');
    await source.setTransferParameters({ xbzrleCacheBytes: 20 * MEBIBYTE });
    await source.setTransferParameters({ xbzrleCacheBytes: 0 });
    await source.setTransferParameters({ xbzrleCacheBytes: 20 * MEBIBYTE, bandwidthBytesPerSecond: null });
    await source.setTransferParameters({ downtimeLimitMs: 25 });
    await seen.status('completed');
    await expectSameMemory(source, destination);
  });

  test('is the same whichever role a QEMU had before', async () => {
    const source = await filledSource();
    const seen = record(source);
    const between = await transferTo('node2', source, { compression: 'multifd-zstd', tls: false });
    await seen.status('completed');
    await between.resume();
    await source.quit();
    const onWay = record(between);
    const destination = await transferTo('node1', between, { compression: 'none', tls: false });
    await onWay.status('completed');
    await expectSameMemory(between, destination);
  });
});
