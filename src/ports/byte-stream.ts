/** Why a stream has ended: a close code of a WebSocket (1000: as wanted; 1006: it broke) and a reason in plain words. */
export interface StreamEnd {
  readonly code: number;
  readonly reason: string;
}

export interface ByteStreamListener {
  data(bytes: Uint8Array): void;
  /** There is room again after `write` had returned false. */
  drained(): void;
  /** Once, whoever ended it. */
  ended(end: StreamEnd): void;
}

/** Bytes both ways, with back-pressure. */
export interface ByteStream {
  /** Once. Nothing is lost before it. */
  listen(listener: ByteStreamListener): void;
  /** False: the bytes are taken, but no more should follow until `drained`. After the end they are thrown away. */
  write(bytes: Uint8Array): boolean;
  /** No `data` until `resume`, beyond what is on its way. */
  pause(): void;
  resume(): void;
  /** Ends both directions. Without effect on one that has ended. */
  close(end: StreamEnd): void;
}
