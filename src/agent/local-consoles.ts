import { CONSOLE_BACKLOG_MAX_BYTES, CONSOLE_CLOSE, type ConsoleRequest } from '../model/console.ts';
import type { InstanceId, VmName } from '../model/names.ts';
import type { ByteStream } from '../ports/byte-stream.ts';
import type { Clock, Ids } from '../ports/clock.ts';
import type { ConsoleSockets } from '../ports/consoles.ts';
import type { Instance } from '../ports/hypervisor.ts';
import type { Log } from '../ports/log.ts';
import type { InstanceRegistry } from './instance-registry.ts';
import { type OpenedConsole, OpeningStream } from './opening-stream.ts';
import { SerialLine } from './serial-line.ts';

/** What a guest wrote before it went elsewhere is kept for so long, for the agent there. */
const KEPT_AFTER_END_MS = 30_000;

const GONE = { code: CONSOLE_CLOSE.moved, reason: 'It does not run here any more.' };

export interface LocalConsolesParts {
  readonly instances: InstanceRegistry;
  readonly sockets: ConsoleSockets;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly log: Log;
}

/** The consoles of the QEMU processes on this node. */
export class LocalConsoles {
  readonly #parts: LocalConsolesParts;
  readonly #lines = new Map<InstanceId, SerialLine>();
  /** Of QEMU processes that have ended. */
  readonly #kept = new Map<VmName, SerialLine>();

  constructor(parts: LocalConsolesParts) {
    this.#parts = parts;
    parts.instances.onAdded((instance) => this.#added(instance));
    parts.instances.onEvent(({ id }, event) => {
      if (event.kind === 'gone') this.#gone(id);
    });
  }

  /** Its first `data` is its position. Ends with `moved` if the VM does not run here. */
  open(request: ConsoleRequest): ByteStream {
    return new OpeningStream(this.#open(request), (error) => ({
      ...GONE,
      ...(error instanceof Error && { reason: error.message }),
    }));
  }

  /** What the guest that came by migration wrote before. */
  inherit(instance: InstanceId, bytes: Uint8Array): void {
    this.#lines.get(instance)?.inherit(bytes);
  }

  async #open(request: ConsoleRequest): Promise<OpenedConsole> {
    const instance = this.#parts.instances.ofVm(request.vm);
    if (request.kind === 'serial') {
      const line = this.#lineOf(instance?.id, request);
      const viewer = line?.view({
        ...request,
        backlogBytes: Math.min(request.backlogBytes, CONSOLE_BACKLOG_MAX_BYTES),
      });
      if (line === undefined || viewer === undefined) throw new Error(GONE.reason);
      return { position: line.positionOf(viewer), stream: viewer };
    }
    if (instance === undefined) throw new Error(GONE.reason);
    const stream = await this.#parts.sockets.connect(instance.id, 'vnc');
    return { position: { instance: instance.id, line: '', bytes: 0 }, stream };
  }

  #lineOf(instance: InstanceId | undefined, { vm, pastOnly }: ConsoleRequest): SerialLine | undefined {
    const line = instance === undefined ? undefined : this.#lines.get(instance);
    return line ?? (pastOnly === true ? this.#kept.get(vm) : undefined);
  }

  #added({ id, vm }: Instance): void {
    const { clock, ids, log, sockets } = this.#parts;
    this.#lines.set(id, new SerialLine({ id, vm }, ids.uuid(), { sockets, clock, log }));
  }

  #gone(id: InstanceId): void {
    const line = this.#lines.get(id);
    if (line === undefined) return;
    this.#lines.delete(id);
    line.end(GONE);
    this.#kept.set(line.vm, line);
    this.#parts.clock.after(KEPT_AFTER_END_MS, () => {
      if (this.#kept.get(line.vm) === line) this.#kept.delete(line.vm);
    });
  }
}
