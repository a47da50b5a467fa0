/**
 * A guest's memory in a file. QEMU 7.2 knows no migration to a file, and may start no program to write one (`-sandbox`): it sends to, and
 * receives from, a Unix socket beside its monitor, whose other end is here.
 */
import { once } from 'node:events';
import { createReadStream, createWriteStream, type ReadStream, rmSync } from 'node:fs';
import { open, unlink } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { GodwitError } from '../../model/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { MemorySave, MemoryToLoad, MigrationStatus } from '../../ports/hypervisor.ts';
import { listenForGroup } from './group-socket.ts';
import { type Ask, endTransfer, setCapabilities, UNDER_WAY } from './migration-channel.ts';
import { qemuParameters, transferSnapshotOf } from './transfer-figures.ts';

export interface MemoryChannel {
  readonly ask: Ask;
  readonly clock: Clock;
  /** As QEMU told last. */
  readonly status: () => MigrationStatus;
  /** For the socket between QEMU and this process. */
  readonly socketPath: string;
}

const POLL_PERIOD_MS = 20;
/** A volume that gives nothing for so long hangs; whoever waits is to know. A guest that is frozen reads nothing either, for less long. */
const STALL_MS = 60_000;
const STALL_LOOK_MS = 1000;
const HUNG_UP = new Set(['ERR_STREAM_PREMATURE_CLOSE', 'EPIPE', 'ECONNRESET']);
/** An earlier migration may have left its keys. */
const WITHOUT_TLS = { 'tls-creds': '', 'tls-hostname': '' };

/** See `Instance.saveMemory`; `alone` runs what nothing else may disturb. */
export function beginSave(
  channel: MemoryChannel,
  path: string,
  alone: (save: () => Promise<number>) => Promise<number>,
): MemorySave {
  const wish = new AbortController();
  return {
    bytes: alone(() => saveMemory(channel, path, wish.signal)),
    abort: (reason) => wish.abort(reason),
  };
}

async function saveMemory(channel: MemoryChannel, path: string, signal: AbortSignal): Promise<number> {
  try {
    return await Promise.race([writeMemory(channel, path, signal), aborted(signal)]);
  } catch (error) {
    await endTransfer(channel.ask, channel.clock, channel.status).catch(() => undefined);
    // Not waited for: if the volume hangs the guest must go on all the same.
    unlink(path).catch(() => undefined);
    throw signal.aborted ? signal.reason : saveError(path, error);
  }
}

async function writeMemory(channel: MemoryChannel, path: string, signal: AbortSignal): Promise<number> {
  const { ask, socketPath } = channel;
  signal.throwIfAborted();
  const file = createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true });
  // One that is destroyed while it is being opened tells nobody else.
  file.on('error', () => undefined);
  let receiver: Receiver | null = null;
  try {
    // Before the guest is stopped for nothing.
    await once(file, 'open', { signal });
    receiver = await listenForOne(socketPath);
    signal.throwIfAborted();
    await stopGuest(ask);
    await setCapabilities(ask, ['events', 'validate-uuid']);
    await ask('migrate-set-parameters', { ...qemuParameters({ bandwidthBytesPerSecond: null }), ...WITHOUT_TLS });
    signal.throwIfAborted();
    await ask('migrate', { uri: `unix:${socketPath}` });
    const received = receiver.connection.then((socket) => pipeline(socket, file, { signal }));
    await Promise.all([received, untilSent(channel, signal)]);
    // Before anything that may take long: a later try needs the socket's place.
    receiver.close();
    receiver = null;
    await makeNameDurable(path);
    return file.bytesWritten;
  } finally {
    file.destroy();
    receiver?.close();
  }
}

/** Loads what {@link beginSave} wrote into a QEMU that waits for it, which then is `paused`. A QEMU that cannot load it ends. */
export async function loadMemory(channel: MemoryChannel, { path, givenUp }: MemoryToLoad): Promise<void> {
  const pointless = givenUp.then((reason) => Promise.reject(reason));
  await Promise.race([readMemory(channel, path), pointless]);
}

async function readMemory({ ask, clock, socketPath }: MemoryChannel, path: string): Promise<void> {
  const file = createReadStream(path);
  file.on('error', () => undefined);
  const stall = new AbortController();
  const stopWatching = watchReading(file, clock, () => {
    stall.abort(new Error(`nothing could be read from ${path} for ${STALL_MS / 1000} s`));
  });
  try {
    await once(file, 'open', { signal: stall.signal });
    // `late-block-activate`: the images stay closed and unlocked until `cont`, as those of a guest that arrives by migration.
    await setCapabilities(ask, ['events', 'validate-uuid', 'late-block-activate']);
    await ask('migrate-incoming', { uri: `unix:${socketPath}` });
    await pipeline(file, await connectTo(socketPath), { signal: stall.signal }).catch((error: unknown) => {
      // QEMU hangs up as soon as it has all, which may be before this end has: only QEMU knows whether it is through.
      if (!HUNG_UP.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    });
    for (;;) {
      stall.signal.throwIfAborted();
      const { status, errorText } = transferSnapshotOf(await ask('query-migrate'));
      if (status === 'completed') return;
      if (status === 'failed') throw new Error(`the saved memory ${path} could not be loaded: ${errorText ?? status}`);
      await clock.sleep(POLL_PERIOD_MS);
    }
  } catch (error) {
    throw stall.signal.aborted ? stall.signal.reason : error;
  } finally {
    stopWatching();
    file.destroy();
    rmSync(socketPath, { force: true });
  }
}

/** Throws if it stands still for another reason, such as a power off or a reset of its own: that would be saved with it. */
async function stopGuest(ask: Ask): Promise<void> {
  await ask('stop');
  const { status = '' } = (await ask('query-status')) as { readonly status?: string };
  if (status !== 'paused')
    throw new Error(`the guest does not stand still in the middle of its work, QEMU is "${status}"`);
}

/** Calls when nothing was read for so long. */
function watchReading(file: ReadStream, clock: Clock, stalled: () => void): () => void {
  let [seenBytes, sinceMs] = [0, clock.monotonicMs()];
  return clock.every(STALL_LOOK_MS, () => {
    if (file.bytesRead !== seenBytes) [seenBytes, sinceMs] = [file.bytesRead, clock.monotonicMs()];
    else if (clock.monotonicMs() - sinceMs >= STALL_MS) stalled();
  });
}

async function aborted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort');
  throw signal.reason;
}

/** Also asks: a QEMU that never connects says so only here. */
async function untilSent({ ask, clock }: MemoryChannel, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const { status, errorText } = transferSnapshotOf(await ask('query-migrate'));
    if (status === 'completed') return;
    if (!UNDER_WAY.has(status)) throw new Error(`QEMU has not sent all of it: ${errorText ?? status}`);
    await clock.sleep(POLL_PERIOD_MS);
  }
}

interface Receiver {
  /** Rejects when the receiver is closed before anybody has connected. */
  readonly connection: Promise<Socket>;
  close(): void;
}

async function listenForOne(path: string): Promise<Receiver> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    resolve(socket);
  });
  // Nobody may wait for it any more.
  promise.catch(() => undefined);
  const close = () => {
    reject(new Error('QEMU has not connected'));
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(path, { force: true });
  };
  try {
    await listenForGroup(server, path);
  } catch (error) {
    close();
    throw error;
  }
  return { connection: promise, close };
}

async function connectTo(path: string): Promise<Socket> {
  const socket = createConnection(path);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return socket;
}

async function makeNameDurable(path: string): Promise<void> {
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function saveError(path: string, error: unknown): unknown {
  if (error instanceof GodwitError) return error;
  const isFull = (error as NodeJS.ErrnoException).code === 'ENOSPC';
  return new GodwitError(
    {
      code: isFull ? 'NOT_ENOUGH_DISK_SPACE' : 'DISK_FAILED',
      message: `The memory could not be written to ${path}: ${error instanceof Error ? error.message : String(error)}`,
      state: 'The guest goes on; what was written is removed.',
      nextStep: isFull ? 'Make room on the volume, then try again.' : 'Remove the cause, then try again.',
    },
    error,
  );
}
