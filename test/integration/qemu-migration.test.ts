import { describe, expect, test } from 'vitest';
import { hypervisors, instanceDirectories, MIGRATION, node, record, start, useNodes } from './qemu-fixture.ts';

useNodes();

/** Source running on node1, destination waiting on node2. */
async function pair(tls: boolean, peers = { source: 'node1', destination: 'node2' }) {
  const [onSource, onDestination] = [node('node1'), node('node2')];
  const [source, destination] = await Promise.all([start(onSource, false), start(onDestination, true)]);
  await source.resume();
  const port = await destination.listenForMigration({
    listenAddress: '127.0.0.1',
    tlsPeer: tls ? peers.source : null,
  });
  const outgoing = { address: '127.0.0.1', port, tlsPeer: tls ? peers.destination : null, downtimeLimitMs: 25 };
  return { source, destination, outgoing, fromSource: record(source), fromDestination: record(destination) };
}

describe('a migration', () => {
  test.each([false, true])('moves the guest, TLS %s', async (tls) => {
    const { source, destination, outgoing, fromSource } = await pair(tls);
    expect(await destination.runState()).toBe('inmigrate');
    await source.startTransfer(outgoing);
    await fromSource.status('completed');
    expect(destination.mayHaveRun).toBe(false);
    destination.noteMayRun();
    const resumedAtMs = await destination.resume();
    const stopped = fromSource.events.find(({ kind }) => kind === 'stopped');
    const snapshot = await source.transfer();
    console.log(
      `blackout, TLS ${tls}: ${(resumedAtMs - (stopped?.atMs ?? 0)).toFixed(1)} ms, QEMU's own figure ${snapshot.qemuDowntimeMs} ms`,
    );
    expect(snapshot).toMatchObject({ status: 'completed', remainingBytes: 0 });
    expect(snapshot.transferredBytes).toBeGreaterThan(100_000);
    expect(await destination.runState()).toBe('running');
    expect(await source.runState()).toBe('postmigrate');
    // The destination now holds the image: the image lock is the second arbiter.
    await expect(source.resume()).rejects.toMatchObject({ message: expect.stringContaining('lock') });
    await source.quit();
  });

  test('to a node with another name than expected is refused, and the source goes on', async () => {
    const { source, destination, outgoing, fromSource } = await pair(true, { source: 'node1', destination: 'node3' });
    await source.startTransfer(outgoing);
    await fromSource.status('failed');
    expect((await source.transfer()).errorText).toContain('node3');
    expect(await source.runState()).toBe('running');
    expect(destination.mayHaveRun).toBe(false);
  });

  test('from a node with another name than expected is refused by the destination', async () => {
    const { source, destination, outgoing, fromSource, fromDestination } = await pair(true, {
      source: 'node9',
      destination: 'node2',
    });
    await source.startTransfer(outgoing);
    await fromSource.status('failed');
    expect(await source.runState()).toBe('running');
    expect(destination.mayHaveRun).toBe(false);
    // It waits on: nothing but the connection was refused. Its log says why.
    await destination.kill();
    const gone = await fromDestination.until(({ kind }) => kind === 'gone');
    expect(gone).toMatchObject({ lastWords: expect.stringMatching(/authz check for .*CN=node1.* is denied/) });
  });

  test.each([false, true])(
    'that was cancelled leaves the source as it was, and the next one works, TLS %s',
    async (tls) => {
      const { source, destination, outgoing, fromSource, fromDestination } = await pair(tls);
      await source.startTransfer({ ...outgoing, bandwidthBytesPerSecond: 100_000, downtimeLimitMs: 1 });
      await fromSource.status('active');
      await source.cancelTransfer();
      await fromSource.status('cancelled');
      await fromDestination.until(({ kind }) => kind === 'gone');
      expect(await source.runState()).toBe('running');
      await source.announce();
      await destination.kill();

      const second = await start(node('node2'), true);
      const port = await second.listenForMigration({ listenAddress: '127.0.0.1', tlsPeer: tls ? 'node1' : null });
      const completed = new Promise<void>((resolve) => {
        source.subscribe((event) => {
          if (event.kind === 'migration-status' && event.status === 'completed') resolve();
        });
      });
      await source.startTransfer({ ...outgoing, port });
      await source.setTransferParameters({ throttlePercentMax: 30, downtimeLimitMs: 50 });
      await completed;
      await second.resume();
      expect(await second.runState()).toBe('running');
    },
  );

  test('whose destination stands still can be cancelled, and the source goes on', async () => {
    const { source, destination, outgoing, fromSource } = await pair(false);
    await source.startTransfer({ ...outgoing, bandwidthBytesPerSecond: 100_000, downtimeLimitMs: 1 });
    await fromSource.status('active');
    process.kill(destination.pid, 'SIGSTOP');
    await source.cancelTransfer();
    await fromSource.status('cancelled');
    expect(await source.runState()).toBe('running');
  });

  test('without GO leaves the destination paused, and a copy known never to have run', async () => {
    const { source, destination, outgoing, fromSource } = await pair(false);
    await source.startTransfer(outgoing);
    await fromSource.status('completed');
    for (const hypervisor of hypervisors.splice(0)) hypervisor.release();
    const [again] = await node('node2').adopt();
    expect(again).toMatchObject({ mayHaveRun: false, incomingMigration: MIGRATION, pid: destination.pid });
    expect(await again?.runState()).toBe('paused');
    expect((await again?.transfer())?.status).toBe('completed');
    const [sourceAgain] = await node('node1').adopt();
    expect((await sourceAgain?.transfer())?.status).toBe('completed');
    await again?.kill();
    // Proven dead and never ran: the source may continue.
    await sourceAgain?.resume();
    expect(await sourceAgain?.runState()).toBe('running');
  });

  test('leaves proof that the destination may have run, also when it died while no agent was there', async () => {
    const { source, destination, outgoing, fromSource } = await pair(false);
    await source.startTransfer(outgoing);
    await fromSource.status('completed');
    await destination.resume();
    for (const hypervisor of hypervisors.splice(0)) hypervisor.release();
    process.kill(destination.pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 100));
    const [dead] = await node('node2').adopt();
    expect(dead).toMatchObject({ alive: false, mayHaveRun: true, incomingMigration: MIGRATION });
    if (dead === undefined) return;
    await record(dead).until(({ kind }) => kind === 'gone');
    await dead.kill();
    expect(instanceDirectories('node2')).toEqual([]);
  });
});
