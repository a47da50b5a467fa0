import type { ByteStream, ByteStreamListener, StreamEnd } from '../../src/ports/byte-stream.ts';

/** One end of a stream in memory: what is written to one is data at the other, at once. */
export class MemoryStream implements ByteStream {
  #other: MemoryStream | null = null;
  #listener: ByteStreamListener | null = null;
  readonly #early: Uint8Array[] = [];
  paused = false;
  /** Text that came here while nobody listened, and afterwards. */
  received = '';
  end: StreamEnd | null = null;

  static pair(): [MemoryStream, MemoryStream] {
    const [one, other] = [new MemoryStream(), new MemoryStream()];
    one.#other = other;
    other.#other = one;
    return [one, other];
  }

  listen(listener: ByteStreamListener): void {
    this.#listener = listener;
    for (const bytes of this.#early.splice(0)) listener.data(bytes);
    if (this.end !== null) listener.ended(this.end);
  }

  write(bytes: Uint8Array): boolean {
    this.#other?.take(bytes);
    return true;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  close(end: StreamEnd): void {
    if (this.end !== null) return;
    this.end = end;
    this.#listener?.ended(end);
    this.#other?.close(end);
  }

  take(bytes: Uint8Array): void {
    this.received += Buffer.from(bytes).toString();
    if (this.#listener === null) this.#early.push(bytes);
    else this.#listener.data(bytes);
  }
}
