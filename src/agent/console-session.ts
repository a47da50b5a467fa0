import { CONSOLE_CLOSE, type ConsolePosition, type ConsoleRequest, toConsolePosition } from '../model/console.ts';
import type { ClusterReader } from '../model/cluster-state.ts';
import type { NodeName } from '../model/names.ts';
import type { ByteStream, StreamEnd } from '../ports/byte-stream.ts';
import type { Clock } from '../ports/clock.ts';
import { decideConsole } from './decide-console.ts';

const LOOK_PERIOD_MS = 500;
const TRY_AGAIN_MS = 250;
/** A node that says nothing for so long is asked anew. */
const OPEN_TIMEOUT_MS = 4000;
/** Without a console for so long, although the VM is said to run: its node does not answer. */
const GIVE_UP_MS = 15_000;
/** The store says a moment later than a QEMU's end why it ended. */
const EXPLAINED_WITHIN_MS = 1500;
/** Typed while there is nobody to take it. */
const HELD_INPUT_MAX_BYTES = 4096;

export interface ConsoleSessionParts {
  readonly view: Pick<ClusterReader, 'current' | 'subscribe'>;
  /** A console on this node or another; its first `data` is its position. */
  readonly open: (node: NodeName, request: ConsoleRequest) => ByteStream;
  readonly clock: Clock;
}

interface Attachment {
  readonly node: NodeName;
  readonly stream: ByteStream;
  /** Null until it was opened. */
  position: ConsolePosition | null;
}

/** One who looks at the console of a VM, wherever that runs and goes. */
export class ConsoleSession {
  readonly #request: ConsoleRequest;
  readonly #viewer: ByteStream;
  readonly #parts: ConsoleSessionParts;
  /** What the viewer sees. */
  #current: Attachment | null = null;
  /** Takes the place of the current one once it is open. */
  #next: Attachment | null = null;
  /** How far the viewer has seen the console of the last QEMU. */
  #seen: ConsolePosition | null = null;
  /** The screen that ended, and when. */
  #lost: { readonly node: NodeName; readonly position: ConsolePosition; readonly atMs: number } | null = null;
  #failingSinceMs: number | null = null;
  #notBeforeMs = 0;
  #held: Uint8Array[] = [];
  #finished = false;
  #stop: () => void = () => undefined;

  constructor(request: ConsoleRequest, viewer: ByteStream, parts: ConsoleSessionParts) {
    this.#request = request;
    this.#viewer = viewer;
    this.#parts = parts;
    viewer.listen({
      data: (bytes) => this.#typed(bytes),
      drained: () => this.#current?.stream.resume(),
      ended: () => this.#finish({ code: 1000, reason: '' }),
    });
    if (this.#finished) return;
    const unsubscribe = parts.view.subscribe(() => this.#look());
    const stopLooking = parts.clock.every(LOOK_PERIOD_MS, () => this.#look());
    this.#stop = () => {
      unsubscribe();
      stopLooking();
    };
    this.#look();
  }

  #look(): void {
    if (this.#finished) return;
    const { kind, vm } = this.#request;
    const place = decideConsole(vm, kind, this.#parts.view.current().vms.get(vm));
    switch (place.kind) {
      case 'end':
        return this.#finish(place);
      case 'wait':
        this.#failingSinceMs = null;
        // A screen of the past would be taken for the present.
        if (this.#lost !== null) this.#finishMoved();
        return;
      case 'at':
        return this.#follow(place.node, place.instance);
    }
  }

  #follow(node: NodeName, instance: string | null): void {
    const nowMs = this.#parts.clock.monotonicMs();
    if (this.#lost !== null) {
      const elsewhere = node !== this.#lost.node || instance !== this.#lost.position.instance;
      if (elsewhere || nowMs - this.#lost.atMs > EXPLAINED_WITHIN_MS) this.#finishMoved();
      return;
    }
    if (this.#current?.node === node || this.#next?.node === node) return;
    if (this.#request.kind === 'vnc' && this.#current !== null) return this.#finishMoved();
    if (nowMs < this.#notBeforeMs) return;
    this.#attach(node);
  }

  #attach(node: NodeName): void {
    const stream = this.#parts.open(node, { ...this.#request, after: this.#seen });
    const attachment: Attachment = { node, stream, position: null };
    const superseded = this.#next;
    this.#next = attachment;
    superseded?.stream.close({ code: 1000, reason: '' });
    const stopWaiting = this.#parts.clock.after(OPEN_TIMEOUT_MS, () => {
      stream.close({ code: CONSOLE_CLOSE.unreachable, reason: 'It did not answer in time.' });
    });
    stream.listen({
      data: (bytes) => {
        if (attachment.position !== null) return this.#received(attachment, bytes);
        stopWaiting();
        this.#opened(attachment, bytes);
      },
      drained: () => {
        if (this.#current === attachment) this.#viewer.resume();
      },
      ended: () => {
        stopWaiting();
        this.#detached(attachment);
      },
    });
  }

  #opened(attachment: Attachment, head: Uint8Array): void {
    const position = toConsolePosition(parsed(head));
    if (this.#finished || this.#next !== attachment || position === undefined) {
      return attachment.stream.close({ code: 1002, reason: 'not a console' });
    }
    attachment.position = position;
    const old = this.#current;
    this.#current = attachment;
    this.#next = null;
    this.#failingSinceMs = null;
    old?.stream.close({ code: 1000, reason: '' });
    for (const bytes of this.#held.splice(0)) attachment.stream.write(bytes);
    this.#viewer.resume();
  }

  #received(attachment: Attachment, bytes: Uint8Array): void {
    const { position } = attachment;
    if (this.#finished || this.#current !== attachment || position === null) return;
    attachment.position = { ...position, bytes: position.bytes + bytes.length };
    this.#seen = attachment.position;
    if (!this.#viewer.write(bytes)) attachment.stream.pause();
  }

  #detached(attachment: Attachment): void {
    if (this.#finished) return;
    const nowMs = this.#parts.clock.monotonicMs();
    const { node, position } = attachment;
    if (this.#current === attachment) this.#current = null;
    else if (this.#next === attachment) this.#next = null;
    else return;
    if (position !== null && this.#request.kind === 'vnc') {
      this.#lost = { node, position, atMs: nowMs };
      return this.#look();
    }
    this.#seen = position ?? this.#seen;
    this.#failingSinceMs ??= nowMs;
    if (nowMs - this.#failingSinceMs > GIVE_UP_MS) {
      const reason = `${node} runs ${this.#request.vm}, and does not answer.`;
      return this.#finish({ code: CONSOLE_CLOSE.unreachable, reason });
    }
    this.#notBeforeMs = nowMs + TRY_AGAIN_MS;
    this.#parts.clock.after(TRY_AGAIN_MS, () => this.#look());
  }

  #typed(bytes: Uint8Array): void {
    if (this.#finished) return;
    if (this.#current !== null) {
      if (!this.#current.stream.write(bytes)) this.#viewer.pause();
      return;
    }
    const heldBytes = this.#held.reduce((sum, held) => sum + held.length, 0);
    if (heldBytes + bytes.length <= HELD_INPUT_MAX_BYTES) this.#held.push(Uint8Array.from(bytes));
  }

  #finishMoved(): void {
    this.#finish({ code: CONSOLE_CLOSE.moved, reason: `${this.#request.vm} has moved: connect again.` });
  }

  #finish(end: StreamEnd): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#stop();
    this.#current?.stream.close({ code: 1000, reason: '' });
    this.#next?.stream.close({ code: 1000, reason: '' });
    this.#viewer.close(end);
  }
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
