import { CONSOLE_BACKLOG_MAX_BYTES, type ConsolePosition, type ConsoleRequest } from '../model/console.ts';
import type { InstanceId, VmName } from '../model/names.ts';
import type { ByteStream, ByteStreamListener, StreamEnd } from '../ports/byte-stream.ts';
import type { Clock } from '../ports/clock.ts';
import type { ConsoleSockets } from '../ports/consoles.ts';
import type { Log } from '../ports/log.ts';
import { SerialBacklog } from './serial-backlog.ts';

/** Another agent that ends may hold the one connection for a moment. */
const CONNECT_AGAIN_MS = 500;
/** After so much output the file is looked at. */
const TRIM_EVERY_BYTES = 256 * 1024;

export interface SerialLineParts {
  readonly sockets: ConsoleSockets;
  readonly clock: Clock;
  readonly log: Log;
}

interface Guest {
  readonly id: InstanceId;
  readonly vm: VmName;
}

/**
 * The serial port of one QEMU. QEMU lets one reader in; this is it, for all who look. It always reads, so that no viewer holds up
 * the guest: one that is slow misses what the backlog no longer has.
 */
export class SerialLine {
  readonly vm: VmName;
  readonly #id: InstanceId;
  /** Counts of bytes mean something for as long as this line lives. */
  readonly #name: string;
  readonly #parts: SerialLineParts;
  readonly #backlog = new SerialBacklog(CONSOLE_BACKLOG_MAX_BYTES);
  readonly #viewers = new Set<LineViewer>();
  #port: ByteStream | null = null;
  #ended: StreamEnd | null = null;
  #untrimmedBytes = 0;
  #stopWaiting: () => void = () => undefined;

  /** `name`: unlike that of any other line. */
  constructor(guest: Guest, name: string, parts: SerialLineParts) {
    this.vm = guest.vm;
    this.#id = guest.id;
    this.#name = name;
    this.#parts = parts;
    // Of a QEMU that an earlier agent has started; a new one has written nothing yet.
    this.#backlog.append(parts.sockets.serialPast(guest.vm, CONSOLE_BACKLOG_MAX_BYTES));
    this.#trim();
    void this.#connect();
  }

  /** A viewer's end: first the past as it is asked for, then whatever comes. */
  view(request: Pick<ConsoleRequest, 'backlogBytes' | 'after' | 'pastOnly'>): LineViewer {
    const { inherited, position } = this.#startOf(request);
    const viewer = new LineViewer(this.#backlog, { inherited, position }, (bytes) => this.#type(bytes));
    if (request.pastOnly === true) return viewer.endsAt(this.#backlog.end);
    viewer.onEnd(() => this.#viewers.delete(viewer));
    if (this.#ended === null) this.#viewers.add(viewer);
    else viewer.close(this.#ended);
    return viewer;
  }

  /** Where a viewer is that has read up to here. */
  positionOf(viewer: LineViewer): ConsolePosition {
    return { instance: this.#id, line: this.#name, bytes: viewer.position };
  }

  /** What the guest wrote before it came here. */
  inherit(bytes: Uint8Array): void {
    this.#backlog.inherit(bytes);
  }

  /** The QEMU is gone, or the agent ends. What was written stays readable. */
  end(end: StreamEnd): void {
    if (this.#ended !== null) return;
    this.#ended = end;
    this.#stopWaiting();
    this.#port?.close(end);
    for (const viewer of [...this.#viewers]) viewer.close(end);
  }

  #startOf({ after, backlogBytes }: Pick<ConsoleRequest, 'backlogBytes' | 'after'>) {
    const none = new Uint8Array(0);
    if (after === null) return this.#backlog.tail(backlogBytes);
    if (after.line === this.#name) return { inherited: none, position: after.bytes };
    // Of the same QEMU, but counted by an agent that is gone: nobody knows what was seen of it. Of another one nothing was.
    return { inherited: none, position: after.instance === this.#id ? this.#backlog.end : 0 };
  }

  /** False while QEMU takes no more. */
  #type(bytes: Uint8Array): boolean {
    return this.#port?.write(bytes) ?? true;
  }

  async #connect(): Promise<void> {
    const { log, sockets } = this.#parts;
    try {
      const port = await sockets.connect(this.#id, 'serial');
      if (this.#ended !== null) return port.close(this.#ended);
      this.#port = port;
      port.listen({
        data: (bytes) => this.#received(bytes),
        drained: () => this.#viewers.forEach((viewer) => viewer.drained()),
        ended: () => this.#lost(),
      });
    } catch (error) {
      log.debug('No connection to a serial console', { vm: this.vm, error });
      this.#lost();
    }
  }

  #lost(): void {
    this.#port = null;
    if (this.#ended !== null) return;
    this.#stopWaiting = this.#parts.clock.after(CONNECT_AGAIN_MS, () => void this.#connect());
    // Whoever waits for room would wait for a connection that is gone.
    for (const viewer of this.#viewers) viewer.drained();
  }

  #received(bytes: Uint8Array): void {
    this.#backlog.append(bytes);
    for (const viewer of this.#viewers) viewer.pump();
    this.#untrimmedBytes += bytes.length;
    if (this.#untrimmedBytes > TRIM_EVERY_BYTES) this.#trim();
  }

  #trim(): void {
    const { log, sockets } = this.#parts;
    this.#untrimmedBytes = 0;
    sockets.trimSerialLog(this.vm).catch((error: unknown) => {
      log.warn('The log of a serial console cannot be kept small', { vm: this.vm, error });
    });
  }
}

/** One who looks at a serial line; the stream ends with the line. */
export class LineViewer implements ByteStream {
  readonly #backlog: SerialBacklog;
  readonly #type: (bytes: Uint8Array) => boolean;
  #inherited: Uint8Array;
  #position: number;
  #endsAt = Number.POSITIVE_INFINITY;
  #listener: ByteStreamListener | null = null;
  #paused = false;
  #end: StreamEnd | null = null;
  #told = false;
  #onEnd: () => void = () => undefined;

  constructor(
    backlog: SerialBacklog,
    start: { readonly inherited: Uint8Array; readonly position: number },
    type: (bytes: Uint8Array) => boolean,
  ) {
    this.#backlog = backlog;
    this.#inherited = start.inherited;
    this.#position = start.position;
    this.#type = type;
  }

  /** Bytes of the line that came before the next ones, those from elsewhere not counted but taken off. */
  get position(): number {
    return Math.max(this.#position, this.#backlog.start) - this.#inherited.length;
  }

  onEnd(run: () => void): void {
    this.#onEnd = run;
  }

  endsAt(position: number): this {
    this.#endsAt = position;
    return this;
  }

  listen(listener: ByteStreamListener): void {
    this.#listener = listener;
    this.pump();
  }

  write(bytes: Uint8Array): boolean {
    return this.#end !== null || this.#type(bytes);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.pump();
  }

  close(end: StreamEnd): void {
    if (this.#end !== null) return;
    this.#end = end;
    this.#onEnd();
    this.pump();
  }

  drained(): void {
    if (this.#end === null) this.#listener?.drained();
  }

  /** Hands on what there is, as long as it is wanted. */
  pump(): void {
    const listener = this.#listener;
    if (listener === null || this.#told) return;
    if (this.#inherited.length > 0 && !this.#paused) {
      const bytes = this.#inherited;
      this.#inherited = new Uint8Array(0);
      listener.data(bytes);
    }
    while (!this.#paused && this.#position < this.#endsAt) {
      const next = this.#backlog.readFrom(this.#position);
      if (next === undefined) break;
      if (next.at > this.#position) listener.data(leftOut(next.at - this.#position));
      this.#position = next.at + next.bytes.length;
      listener.data(next.bytes);
    }
    if (this.#end === null && this.#position >= this.#endsAt) this.close({ code: 1000, reason: '' });
    // An end without the last words of the guest would hide why it ended.
    if (this.#end === null || this.#told || this.#backlog.readFrom(this.#position) !== undefined) return;
    this.#told = true;
    listener.ended(this.#end);
  }
}

function leftOut(bytes: number): Uint8Array {
  return new TextEncoder().encode(`\r\n[godwit: ${bytes} bytes left out]\r\n`);
}
