import { createConnection, type Socket } from 'node:net';
import { GodwitError } from '../../model/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import { LineSplitter } from './line-splitter.ts';

/** QEMU understood the command and refused it. `class` is stable; `description` is for people. */
export class QmpError extends Error {
  readonly command: string;
  readonly class: string;
  readonly description: string;

  constructor(command: string, reply: { readonly class: string; readonly desc: string }) {
    super(`QEMU refused "${command}": ${reply.desc}`);
    this.name = 'QmpError';
    this.command = command;
    this.class = reply.class;
    this.description = reply.desc;
  }
}

/** Whether QEMU could not take an image's lock; `error` has the {@link QmpError} as its cause. QAPI has no class for it: the text is all there is. */
export function isLockError(error: unknown): boolean {
  const { cause } = error as { readonly cause?: unknown };
  return cause instanceof QmpError && /Failed to get "(write|shared|consistent read)" lock/.test(cause.description);
}

export interface QmpEvent {
  readonly event: string;
  /** QEMU's wall clock, in milliseconds with fractions. */
  readonly atMs: number;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface QmpListener {
  /** Called synchronously from the socket's data handler, in QEMU's order, before any reply that follows it. */
  event(event: QmpEvent): void;
  /** The connection is gone; called once, not after {@link QmpClient.close}. */
  closed(): void;
}

export interface QmpOptions {
  readonly path: string;
  /** Who is asked, for messages: "VM WebServer". */
  readonly subject: string;
  readonly clock: Clock;
  readonly listener: QmpListener;
  /** For connecting and greeting; 2000 by default. */
  readonly deadlineMs?: number;
}

export interface CommandOptions {
  /** 2000 by default. */
  readonly deadlineMs?: number;
  /** Overtakes commands that are waiting (`exec-oob`); only for commands that QEMU allows it for. */
  readonly outOfBand?: boolean;
}

const DEADLINE_MS = 2000;

interface Pending {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly cancelDeadline: () => void;
}

interface QmpMessage {
  readonly QMP?: { readonly capabilities?: readonly string[] };
  readonly event?: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly timestamp?: { readonly seconds: number; readonly microseconds: number };
  readonly id?: number;
  readonly return?: unknown;
  readonly error?: { readonly class: string; readonly desc: string };
}

/**
 * One connection to QEMU's monitor, which serves one client at a time. A connection that
 * broke is not mended: make a new client.
 */
export class QmpClient {
  readonly #options: QmpOptions;
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #open = true;
  #onGreeting: ((capabilities: readonly string[]) => void) | null = null;

  private constructor(options: QmpOptions) {
    this.#options = options;
    this.#socket = createConnection({ path: options.path });
    const lines = new LineSplitter((line) => this.#receive(line));
    this.#socket.on('data', (chunk: Buffer) => lines.push(chunk));
    // An 'error' is always followed by 'close'; without a handler it would end the process.
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => this.#shut(true));
  }

  /** Resolves once QEMU has greeted and taken its capabilities. */
  static async connect(options: QmpOptions): Promise<QmpClient> {
    const client = new QmpClient(options);
    try {
      const offered = await client.#greeting(options.deadlineMs ?? DEADLINE_MS);
      const enable = offered.includes('oob') ? { enable: ['oob'] } : {};
      await client.execute('qmp_capabilities', enable, { deadlineMs: options.deadlineMs ?? DEADLINE_MS });
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /**
   * The line is handed to the kernel before this returns. Rejects with {@link QmpError} if QEMU refuses,
   * with HYPERVISOR_FAILED if it does not answer in time or the connection ends.
   */
  execute(command: string, args?: Readonly<Record<string, unknown>>, options: CommandOptions = {}): Promise<unknown> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      if (!this.#open) {
        reject(this.#failure(command, 'there is no connection to QEMU'));
        return;
      }
      const verb = options.outOfBand === true ? 'exec-oob' : 'execute';
      this.#socket.write(`${JSON.stringify({ [verb]: command, arguments: args, id })}\n`);
      const deadlineMs = options.deadlineMs ?? DEADLINE_MS;
      const cancelDeadline = this.#options.clock.after(deadlineMs, () => {
        this.#pending.delete(id);
        reject(this.#failure(command, `QEMU did not answer within ${deadlineMs} ms`));
      });
      this.#pending.set(id, { command, resolve, reject, cancelDeadline });
    });
  }

  get open(): boolean {
    return this.#open;
  }

  /** Ends the connection; what is pending is rejected. QEMU goes on. */
  close(): void {
    this.#shut(false);
    this.#socket.destroy();
  }

  #greeting(deadlineMs: number): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      const cancelDeadline = this.#options.clock.after(deadlineMs, () =>
        reject(this.#failure('greeting', `QEMU did not greet within ${deadlineMs} ms`)),
      );
      this.#onGreeting = (capabilities) => {
        cancelDeadline();
        resolve(capabilities);
      };
      this.#socket.once('close', () => {
        cancelDeadline();
        reject(this.#failure('greeting', 'QEMU does not take the connection'));
      });
    });
  }

  #receive(line: string): void {
    const message = JSON.parse(line) as QmpMessage;
    if (message.event !== undefined) {
      const { seconds, microseconds } = message.timestamp ?? { seconds: 0, microseconds: 0 };
      const atMs = seconds * 1000 + microseconds / 1000;
      this.#options.listener.event({ event: message.event, atMs, data: message.data ?? {} });
    } else if (message.QMP !== undefined) {
      this.#onGreeting?.(message.QMP.capabilities ?? []);
    } else if (message.id !== undefined) {
      this.#settle(message.id, message);
    }
  }

  #settle(id: number, message: QmpMessage): void {
    const pending = this.#pending.get(id);
    // Absent: its deadline has passed.
    if (pending === undefined) return;
    this.#pending.delete(id);
    pending.cancelDeadline();
    if (message.error === undefined) pending.resolve(message.return);
    else pending.reject(new QmpError(pending.command, message.error));
  }

  #shut(tell: boolean): void {
    if (!this.#open) return;
    this.#open = false;
    for (const pending of this.#pending.values()) {
      pending.cancelDeadline();
      pending.reject(this.#failure(pending.command, 'the connection to QEMU ended'));
    }
    this.#pending.clear();
    if (tell) this.#options.listener.closed();
  }

  #failure(command: string, reason: string): GodwitError {
    return new GodwitError({
      code: 'HYPERVISOR_FAILED',
      message: `${this.#options.subject}: "${command}" failed: ${reason}.`,
      state: 'QEMU was not changed by Godwit beyond this command, whose outcome is not known.',
      nextStep: "Look at the VM's state and at QEMU's log, then try again.",
      details: { command },
    });
  }
}
