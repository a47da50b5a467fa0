/** The agent's end of the line to the guard: see ports/guard.ts, and model/guard-line.ts for what is said. */
import { connect, type Socket } from 'node:net';
import type { MessageFromGuard, MessageToGuard } from '../../model/guard-line.ts';
import type { Clock } from '../../ports/clock.ts';
import type { GuardLink, GuardStatus } from '../../ports/guard.ts';
import type { Log } from '../../ports/log.ts';

const RECONNECT_MS = 100;
/** The guard speaks every 0.5 s: silent for longer than this it hangs, and what it said last says nothing any more. */
const SILENCE_MS = 2500;
const GOODBYE_MS = 2000;

export interface GuardLinkOptions {
  /** Unix socket at which the guard listens. */
  readonly socket: string;
  readonly clock: Clock;
  readonly log: Log;
}

export function createGuardLink(options: GuardLinkOptions): GuardLink {
  return new SocketGuardLink(options);
}

class SocketGuardLink implements GuardLink {
  readonly #options: GuardLinkOptions;
  readonly #listeners = new Set<(status: GuardStatus | null) => void>();
  readonly #stopWatching: () => void;
  #socket: Socket | null = null;
  #status: GuardStatus | null = null;
  #heardAtMs = 0;
  /** The newest thing that was said, told to every guard anew; null: nothing yet. */
  #newest: MessageToGuard | null = null;
  #onDisarmed: ((disarmed: boolean) => void) | null = null;
  #closed = false;

  constructor(options: GuardLinkOptions) {
    this.#options = options;
    this.#stopWatching = options.clock.every(RECONNECT_MS, () => this.#watch());
    this.#connect();
  }

  status(): GuardStatus | null {
    return this.#status;
  }

  subscribe(listener: (status: GuardStatus | null) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  extend(untilMs: number | null): void {
    // JSON has no such numbers: they would arrive as null, which means without end.
    if (untilMs !== null && !Number.isFinite(untilMs)) throw new Error(`${untilMs} is no time`);
    this.#newest = { kind: 'extend', untilMs };
    this.#send(this.#newest);
  }

  end(): void {
    this.#newest = { kind: 'end' };
    this.#send(this.#newest);
  }

  goodbye(): Promise<boolean> {
    if (this.#socket === null || this.#socket.connecting) return Promise.resolve(false);
    return new Promise((resolve) => {
      const giveUp = this.#options.clock.after(GOODBYE_MS, () => this.#onDisarmed?.(false));
      this.#onDisarmed = (disarmed) => {
        giveUp();
        this.#onDisarmed = null;
        resolve(disarmed);
      };
      this.#newest = null;
      this.#send({ kind: 'goodbye' });
    });
  }

  close(): void {
    this.#closed = true;
    this.#stopWatching();
    this.#socket?.destroy();
  }

  #connect(): void {
    const socket = connect({ path: this.#options.socket });
    this.#socket = socket;
    this.#heardAtMs = this.#options.clock.monotonicMs();
    let rest = '';
    socket.setEncoding('utf8');
    socket.once('connect', () => {
      if (this.#newest !== null) this.#send(this.#newest);
    });
    socket.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      // Only the newest status matters; an answer to `goodbye` is in it as well.
      const line = lines.at(-1);
      if (line !== undefined) this.#heard(JSON.parse(line) as MessageFromGuard);
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#onDisarmed?.(false);
      this.#tell(null);
    });
  }

  #watch(): void {
    if (this.#closed) return;
    if (this.#socket === null) this.#connect();
    else if (this.#options.clock.monotonicMs() - this.#heardAtMs > SILENCE_MS) this.#socket.destroy();
  }

  #heard(message: MessageFromGuard): void {
    this.#heardAtMs = this.#options.clock.monotonicMs();
    const { kind: _kind, disarmed, ...status } = message;
    if (disarmed !== null) this.#onDisarmed?.(disarmed);
    this.#tell(status);
  }

  #tell(status: GuardStatus | null): void {
    if (this.#closed || JSON.stringify(status) === JSON.stringify(this.#status)) return;
    const { log } = this.#options;
    if (status === null) log.error('The guard of this node cannot be reached');
    else if (this.#status === null) log.info('The guard of this node answers', { ...status });
    this.#status = status;
    for (const listener of this.#listeners) listener(status);
  }

  #send(message: MessageToGuard): void {
    const socket = this.#socket;
    if (socket === null || socket.connecting) return;
    socket.write(`${JSON.stringify(message)}\n`);
  }
}
