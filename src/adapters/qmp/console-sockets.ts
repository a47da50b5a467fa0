import { createConnection, type Socket } from 'node:net';
import type { ByteStream, ByteStreamListener, StreamEnd } from '../../ports/byte-stream.ts';
import type { ConsoleSockets } from '../../ports/consoles.ts';
import { instancePaths } from './instance-notes.ts';
import { readSerialEnd, serialLogPath, trimSerialLog } from './serial-log.ts';

/**
 * A guest may take long to read what was pasted. Until so much waits for it the writer goes on: one that stands still for long,
 * and therefore answers no pings, would be taken for dead.
 */
const WAITING_MAX_BYTES = 1024 * 1024;

/** The consoles of the QEMU processes whose sockets and logs are in these directories. */
export function createConsoleSockets(directories: {
  readonly runtimeDirectory: string;
  readonly logDirectory: string;
}): ConsoleSockets {
  const { logDirectory, runtimeDirectory } = directories;
  return {
    connect(instance, kind) {
      const paths = instancePaths(runtimeDirectory, instance);
      const socket = createConnection(kind === 'vnc' ? paths.vncSocket : paths.serialSocket);
      return new Promise((resolve, reject) => {
        socket.once('error', reject);
        socket.once('connect', () => {
          socket.off('error', reject);
          resolve(new SocketStream(socket));
        });
      });
    },
    serialPast: (vm, bytes) => readSerialEnd(serialLogPath(logDirectory, vm), bytes),
    trimSerialLog: (vm) => trimSerialLog(serialLogPath(logDirectory, vm)),
  };
}

/** A connected socket. It reads nothing before somebody listens. */
class SocketStream implements ByteStream {
  readonly #socket: Socket;
  #listener: ByteStreamListener | null = null;
  #end: StreamEnd | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    let problem = 'QEMU closed the connection';
    socket.on('error', (error) => {
      problem = error.message;
    });
    socket.on('close', () => this.#ended({ code: 1006, reason: problem }));
  }

  listen(listener: ByteStreamListener): void {
    this.#listener = listener;
    this.#socket.on('data', (bytes: Buffer) => listener.data(bytes));
    this.#socket.on('drain', () => listener.drained());
    if (this.#end !== null) listener.ended(this.#end);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#end !== null) return true;
    this.#socket.write(bytes);
    return this.#socket.writableLength < WAITING_MAX_BYTES;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(end: StreamEnd): void {
    this.#ended(end);
    this.#socket.destroy();
  }

  #ended(end: StreamEnd): void {
    if (this.#end !== null) return;
    this.#end = end;
    this.#listener?.ended(end);
  }
}
