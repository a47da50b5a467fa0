import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import { connectToPeer, keepAlive, type PeerAddress } from './connect-to-peer.ts';
import { BOOT_ID_HEADER, LINK_ID_HEADER, REFUSED_HEADER, REFUSED_REVOKED } from './link-messages.ts';

const BACK_OFF_MIN_MS = 100;
const BACK_OFF_MAX_MS = 1000;
/** A path that swallows packets must not hold back the next attempt for longer. */
const CONNECT_TIMEOUT_MS = 2000;

export interface PathOptions extends PeerAddress {
  readonly linkId: string;
  readonly bootId: string;
  readonly onRevoked: (() => void) | undefined;
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
    const { linkId, bootId, clock } = this.#options;
    const headers = { [LINK_ID_HEADER]: linkId, [BOOT_ID_HEADER]: bootId };
    const attempt = connectToPeer(this.#options, '/', headers);
    this.#attempt = attempt;
    this.#endReason = undefined;
    this.#cancelTimer = clock.after(CONNECT_TIMEOUT_MS, () => {
      this.#endReason ??= `no connection within ${CONNECT_TIMEOUT_MS} ms`;
      attempt.terminate();
    });
    attempt.on('error', (error) => {
      this.#endReason ??= error.message;
    });
    attempt.on('unexpected-response', (_request, response) => this.#refused(attempt, response));
    attempt.on('open', () => this.#opened(attempt));
    attempt.on('message', (data) => {
      this.doubtful = false;
      // The default binary type gives one Buffer per message.
      this.#listener.received(this, (data as Buffer).toString('utf8'));
    });
    attempt.on('close', () => this.#connectionClosed(attempt));
  }

  #refused(attempt: WebSocket, { statusCode, headers }: IncomingMessage): void {
    const isRevoked = headers[REFUSED_HEADER] === REFUSED_REVOKED;
    this.#endReason ??= isRevoked ? 'it refuses our certificate as revoked' : `it answered with status ${statusCode}`;
    attempt.terminate();
    if (isRevoked) this.#options.onRevoked?.();
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

  #watch(connection: WebSocket): void {
    this.#cancelTimer = keepAlive(connection, this.#options.clock, {
      answered: () => {
        this.doubtful = false;
      },
      dead: (reason) => {
        this.#endReason ??= reason;
      },
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
