import type { WebSocket } from 'ws';
import type { ByteStream, ByteStreamListener, StreamEnd } from '../../ports/byte-stream.ts';

/** With more than this waiting to be sent, the writer is asked to wait until all of it is gone. */
const WAITING_MAX_BYTES = 256 * 1024;
/** What a WebSocket allows for the reason of a close. */
const REASON_MAX_BYTES = 123;
const BROKEN = 1006;
const NO_CODE = 1005;
const NORMAL = 1000;
const FAILED = 1011;

/** A WebSocket whose messages are bytes: one `write` is one message, one message one `data`. */
export function webSocketStream(socket: WebSocket): ByteStream {
  return new WebSocketStream(socket);
}

class WebSocketStream implements ByteStream {
  readonly #socket: WebSocket;
  #listener: ByteStreamListener | null = null;
  /** Came before anybody listened. */
  readonly #early: Buffer[] = [];
  #full = false;
  #end: StreamEnd | null = null;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    let problem = '';
    socket.on('message', (data: Buffer) => {
      if (this.#listener === null) this.#early.push(data);
      else if (this.#end === null) this.#listener.data(data);
    });
    socket.on('error', (error) => {
      problem ||= error.message;
    });
    socket.on('close', (code, reason) => {
      this.#ended({ code: code === NO_CODE ? NORMAL : code, reason: reason.toString() || problem });
    });
  }

  listen(listener: ByteStreamListener): void {
    this.#listener = listener;
    for (const data of this.#early.splice(0)) listener.data(data);
    if (this.#end !== null) listener.ended(this.#end);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#end !== null || this.#socket.readyState !== this.#socket.OPEN) return true;
    // What QEMU sends is compressed where that is worth its time.
    this.#socket.send(bytes, { compress: false }, () => this.#sent());
    this.#full = this.#socket.bufferedAmount > WAITING_MAX_BYTES;
    return !this.#full;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(end: StreamEnd): void {
    if (this.#end === null) {
      const code = end.code === BROKEN || end.code === NO_CODE ? FAILED : end.code;
      this.#socket.resume();
      this.#socket.close(code, shortened(end.reason));
    }
    this.#ended(end);
  }

  #sent(): void {
    if (!this.#full || this.#socket.bufferedAmount > 0) return;
    this.#full = false;
    if (this.#end === null) this.#listener?.drained();
  }

  #ended(end: StreamEnd): void {
    if (this.#end !== null) return;
    this.#end = end;
    this.#listener?.ended(end);
  }
}

function shortened(reason: string): string {
  const bytes = Buffer.from(reason);
  return bytes.length <= REASON_MAX_BYTES ? reason : `${bytes.subarray(0, REASON_MAX_BYTES - 8).toString('utf8')}…`;
}
