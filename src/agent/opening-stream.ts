import type { ConsolePosition } from '../model/console.ts';
import type { ByteStream, ByteStreamListener, StreamEnd } from '../ports/byte-stream.ts';

export interface OpenedConsole {
  readonly position: ConsolePosition;
  readonly stream: ByteStream;
}

/** A console that is being opened. Its first `data` is its position, as JSON; the bytes of the console follow. */
export class OpeningStream implements ByteStream {
  #listener: ByteStreamListener | null = null;
  #stream: ByteStream | null = null;
  #paused = false;
  #end: StreamEnd | null = null;

  /** `opening` that rejects ends the stream; `refused` says how. */
  constructor(opening: Promise<OpenedConsole>, refused: (error: unknown) => StreamEnd) {
    opening.then(
      (opened) => this.#opened(opened),
      (error: unknown) => this.close(refused(error)),
    );
  }

  listen(listener: ByteStreamListener): void {
    this.#listener = listener;
    if (this.#end !== null) listener.ended(this.#end);
  }

  write(bytes: Uint8Array): boolean {
    return this.#stream?.write(bytes) ?? true;
  }

  pause(): void {
    this.#paused = true;
    this.#stream?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#stream?.resume();
  }

  close(end: StreamEnd): void {
    if (this.#end !== null) return;
    if (this.#stream !== null) return this.#stream.close(end);
    this.#end = end;
    this.#listener?.ended(end);
  }

  #opened({ position, stream }: OpenedConsole): void {
    const listener = this.#listener;
    if (this.#end !== null || listener === null) return stream.close(this.#end ?? { code: 1000, reason: '' });
    this.#stream = stream;
    if (this.#paused) stream.pause();
    listener.data(new TextEncoder().encode(JSON.stringify(position)));
    stream.listen({
      data: (bytes) => listener.data(bytes),
      drained: () => listener.drained(),
      ended: (end) => {
        this.#end = end;
        listener.ended(end);
      },
    });
  }
}
