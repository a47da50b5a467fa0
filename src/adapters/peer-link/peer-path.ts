import { connect, type SecureContext } from 'node:tls';
import { WebSocket } from 'ws';
import type { NodeName } from '../../model/names.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import { whyNotNode } from './certificate-name.ts';
import { BOOT_ID_HEADER, LINK_ID_HEADER, MESSAGE_BYTES_MAX } from './link-messages.ts';

const BACK_OFF_MIN_MS = 100;
const BACK_OFF_MAX_MS = 1000;
/** A path that swallows packets must not hold back the next attempt for longer. */
const CONNECT_TIMEOUT_MS = 2000;
const PING_PERIOD_MS = 1000;
/** Pings without an answer after which the connection counts as dead. */
const UNANSWERED_PINGS_MAX = 2;

export interface PathOptions {
  readonly peer: NodeName;
  readonly address: string;
  readonly port: number;
  readonly secureContext: () => SecureContext;
  readonly linkId: string;
  readonly bootId: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface PathListener {
  opened(path: PeerPath): void;
  closed(path: PeerPath, connection: WebSocket): void;
  received(path: PeerPath, text: string): void;
}

/** One address of another agent, and the connection that is kept open to it. */
export class PeerPath {
  readonly address: string;
  readonly port: number;
  /** The open connection; undefined while there is none. */
  connection: WebSocket | undefined;
  /** Set while something sent over the connection has stayed unanswered for too long; other paths go first. */
  doubtful = false;
  /** Why there is no open connection, in words. */
  problem = 'not connected yet';

  readonly #options: PathOptions;
  readonly #listener: PathListener;
  #backOffMs = BACK_OFF_MIN_MS;
  #closed = false;
  #attempt: WebSocket | undefined;
  /** Why the current attempt or connection ends; the first reason, because ending it brings up others. */
  #endReason: string | undefined;
  #cancelTimer: () => void = () => {};

  constructor(options: PathOptions, listener: PathListener) {
    this.address = options.address;
    this.port = options.port;
    this.#options = options;
    this.#listener = listener;
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer();
    this.#attempt?.terminate();
  }

  #connect(): void {
    const { peer, secureContext, linkId, bootId, clock } = this.#options;
    const host = this.address.includes(':') ? `[${this.address}]` : this.address;
    const attempt = new WebSocket(`wss://${host}:${this.port}/`, {
      createConnection: () =>
        connect({
          host: this.address,
          port: this.port,
          // The name in the certificate is checked, not the address: no server name is asked for.
          servername: '',
          secureContext: secureContext(),
          minVersion: 'TLSv1.3',
          rejectUnauthorized: true,
          checkServerIdentity: (_host, certificate) => whyNotNode(peer, certificate),
        }),
      headers: { [LINK_ID_HEADER]: linkId, [BOOT_ID_HEADER]: bootId },
      perMessageDeflate: false,
      maxPayload: MESSAGE_BYTES_MAX,
    });
    this.#attempt = attempt;
    this.#endReason = undefined;
    this.#cancelTimer = clock.after(CONNECT_TIMEOUT_MS, () => {
      this.#endReason ??= `no connection within ${CONNECT_TIMEOUT_MS} ms`;
      attempt.terminate();
    });
    attempt.on('error', (error) => {
      this.#endReason ??= error.message;
    });
    attempt.on('open', () => this.#opened(attempt));
    attempt.on('message', (data) => {
      this.doubtful = false;
      // The default binary type gives one Buffer per message.
      this.#listener.received(this, (data as Buffer).toString('utf8'));
    });
    attempt.on('close', () => this.#connectionClosed(attempt));
  }

  #opened(connection: WebSocket): void {
    this.#cancelTimer();
    this.connection = connection;
    this.doubtful = false;
    this.#backOffMs = BACK_OFF_MIN_MS;
    this.#watch(connection);
    this.problem = '';
    this.#options.log.info('Connected to another agent', this.#fields());
    this.#listener.opened(this);
  }

  /**
   * Counts pings instead of comparing times: an agent that was frozen itself finds the answer waiting
   * when it thaws, and must not take its own silence for the other's.
   */
  #watch(connection: WebSocket): void {
    let unanswered = 0;
    connection.on('pong', () => {
      unanswered = 0;
      this.doubtful = false;
    });
    this.#cancelTimer = this.#options.clock.every(PING_PERIOD_MS, () => {
      if (unanswered >= UNANSWERED_PINGS_MAX) {
        this.#endReason ??= `no answer to ${unanswered} pings`;
        connection.terminate();
        return;
      }
      unanswered += 1;
      connection.ping();
    });
  }

  #connectionClosed(attempt: WebSocket): void {
    this.#cancelTimer();
    this.#attempt = undefined;
    this.#noteProblem(this.#endReason ?? 'the connection was closed');
    if (this.connection === attempt) {
      this.connection = undefined;
      this.#listener.closed(this, attempt);
    }
    if (this.#closed) return;
    this.#cancelTimer = this.#options.clock.after(this.#backOffMs, () => this.#connect());
    this.#backOffMs = Math.min(this.#backOffMs * 2, BACK_OFF_MAX_MS);
  }

  /** Keeps the reason, and logs it once, not at each of the attempts that fail for the same reason. */
  #noteProblem(problem: string): void {
    if (this.#closed || this.problem === problem) return;
    this.problem = problem;
    this.#options.log.warn('No connection to another agent', { ...this.#fields(), problem });
  }

  #fields(): Record<string, unknown> {
    return { peer: this.#options.peer, address: this.address, port: this.port };
  }
}
