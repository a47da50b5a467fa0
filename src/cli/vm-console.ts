/** The serial console of a VM, on a terminal or in a pipe. */
import type { Readable } from 'node:stream';
import type { NodeConsole } from '../client/node-console.ts';
import { CONSOLE_CLOSE, CONSOLE_MESSAGE_MAX_BYTES, consolePath } from '../contract/console.ts';
import { getVm, type VmView } from '../contract/vms.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import type { Cluster } from './cluster.ts';
import { type Context, EXIT_DONE, type ExitStatus } from './context.ts';

/** Ctrl-] */
const LEAVE = 0x1d;
/** When what was piped in has ended, and the guest has said nothing for so long, the command has done its work. */
const SILENCE_MS = 1000;
const AGAIN_MS = 500;
/** Further nodes are asked for so long. */
const PATIENCE_MS = 30_000;

export interface ConsoleOptions {
  readonly backlog: boolean;
}

/** A terminal, or what is piped in. */
export type ConsoleInput = Readable & Partial<Pick<NodeJS.ReadStream, 'isTTY' | 'setRawMode' | 'unref'>>;

export async function vmConsole(context: Context, name: string, options: ConsoleOptions): Promise<ExitStatus> {
  return await watchConsole(context, { name, backlog: options.backlog, input: process.stdin });
}

export async function watchConsole(
  context: Context,
  { backlog, input, name }: ConsoleOptions & { readonly name: string; readonly input: ConsoleInput },
): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  refuseOff(await cluster.call(getVm, { params: { name } }));
  if (input.isTTY === true) context.output.printError(`Serial console of ${name}. Ctrl-] leaves it.`);
  const watch = new ConsoleWatch(cluster, context, { vm: name, input });
  try {
    watch.open(backlog ? undefined : 0);
    watch.readInput();
    await watch.ended;
  } finally {
    watch.close();
  }
  return EXIT_DONE;
}

function refuseOff({ name, request, settledRequest, state }: VmView): void {
  const starts = request?.action === 'start' && request.id !== settledRequest;
  if ((state !== 'off' && state !== 'failed' && state !== 'saved') || starts) return;
  throw new GodwitError({
    code: 'VM_STATE_UNSUITABLE',
    message: `${name} is ${state}, so it has no console.`,
    state: NOTHING_CHANGED,
    nextStep: `Start it with \`godwit vm start ${name}\`.`,
  });
}

class ConsoleWatch {
  readonly ended: Promise<void>;
  readonly #cluster: Cluster;
  readonly #context: Context;
  readonly #vm: string;
  readonly #input: ConsoleInput;
  readonly #text = new TextDecoder();
  #console: NodeConsole | null = null;
  /** Typed before it was open. */
  #early: Uint8Array[] = [];
  #isOpen = false;
  #attempts = 0;
  #brokenSince: number | null = null;
  #left = false;
  #inputEnded = false;
  #silence: NodeJS.Timeout | undefined;
  #settle: { resolve(): void; reject(error: unknown): void };

  constructor(
    cluster: Cluster,
    context: Context,
    { input, vm }: { readonly vm: string; readonly input: ConsoleInput },
  ) {
    this.#cluster = cluster;
    this.#context = context;
    this.#vm = vm;
    this.#input = input;
    const { promise, reject, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#settle = { resolve, reject };
  }

  open(backlogBytes: number | undefined): void {
    const path = consolePath('serial', this.#vm, backlogBytes === undefined ? {} : { backlogBytes });
    const listener = {
      onOpen: () => this.#opened(),
      onBytes: (bytes: Uint8Array) => {
        this.#context.output.write(this.#text.decode(bytes, { stream: true }));
        this.#waitForSilence();
      },
      onClose: (code: number, reason: string) => this.#closed(code, reason),
    };
    this.#console = this.#cluster.openConsole(path, listener, this.#attempts);
    this.#attempts += 1;
  }

  readInput(): void {
    if (this.#input.isTTY === true) this.#input.setRawMode?.(true);
    this.#input.on('data', (typed: Buffer) => this.#typed(typed));
    this.#input.on('end', () => {
      this.#inputEnded = true;
      this.#waitForSilence();
    });
  }

  close(): void {
    this.#left = true;
    clearTimeout(this.#silence);
    this.#console?.close();
    if (this.#input.isTTY === true) {
      this.#input.setRawMode?.(false);
      this.#context.output.printError('');
    }
    this.#input.removeAllListeners('data');
    this.#input.pause();
    this.#input.unref?.();
  }

  #opened(): void {
    this.#isOpen = true;
    this.#brokenSince = null;
    for (const bytes of this.#early.splice(0)) this.#console?.write(bytes);
    this.#waitForSilence();
  }

  #typed(typed: Buffer): void {
    const leave = this.#input.isTTY === true ? typed.indexOf(LEAVE) : -1;
    const bytes = leave < 0 ? typed : typed.subarray(0, leave);
    for (let at = 0; at < bytes.length; at += CONSOLE_MESSAGE_MAX_BYTES) {
      const piece = bytes.subarray(at, at + CONSOLE_MESSAGE_MAX_BYTES);
      if (this.#isOpen) this.#console?.write(piece);
      else this.#early.push(piece);
    }
    if (leave >= 0) this.#settle.resolve();
  }

  #closed(code: number, reason: string): void {
    this.#isOpen = false;
    if (this.#left) return;
    switch (code) {
      case CONSOLE_CLOSE.off:
      case CONSOLE_CLOSE.notFound:
        this.#context.output.printError(`\n${reason}`);
        return this.#settle.resolve();
      case CONSOLE_CLOSE.unreachable:
        return this.#settle.reject(broken('NODE_UNREACHABLE', `The console of ${this.#vm} has ended: ${reason}`));
      default:
        return this.#openAgain(reason === '' ? `the connection was closed (${code})` : reason);
    }
  }

  /** The node that passed the console on is gone, which says nothing about the VM. */
  #openAgain(reason: string): void {
    this.#brokenSince ??= Date.now();
    if (Date.now() - this.#brokenSince > PATIENCE_MS) {
      return this.#settle.reject(broken('CLUSTER_UNREACHABLE', `No node passes the console on: ${reason}.`));
    }
    setTimeout(() => {
      if (!this.#left) this.open(0);
    }, AGAIN_MS);
  }

  #waitForSilence(): void {
    if (!this.#inputEnded || !this.#isOpen) return;
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#settle.resolve(), SILENCE_MS);
  }
}

function broken(code: 'NODE_UNREACHABLE' | 'CLUSTER_UNREACHABLE', message: string): GodwitError {
  return new GodwitError({
    code,
    message,
    state: 'The VM is not touched by this.',
    nextStep: 'Look at the nodes with `godwit node list`, then open the console again.',
  });
}
