import type { SecureContext } from 'node:tls';
import type { WebSocket } from 'ws';
import { GodwitError } from '../../model/errors.ts';
import type { NodeName } from '../../model/names.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Peer, PeerMethod, PeerRequests } from '../../ports/peers.ts';
import { decodeAnswer, encodeCall } from './link-messages.ts';
import { PeerPath } from './peer-path.ts';

/** A path that has not answered a call for this long, or for a third of the call's deadline, is joined by the next one. */
const NEXT_PATH_AFTER_MS_MAX = 400;

export interface PeerClientOptions {
  readonly name: NodeName;
  /** Asked at every connection: certificates are renewed. */
  readonly secureContext: () => SecureContext;
  readonly linkId: string;
  readonly bootId: string;
  readonly isRevoked: ((serial: string) => boolean) | undefined;
  readonly onRevoked: (() => void) | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

interface OpenCall {
  readonly text: string;
  /** The connections it went over that are still open. */
  readonly sentOver: Set<WebSocket>;
  /** Every connection it went over has been silent for too long, and there was no further one. */
  overdue: boolean;
  resolve(response: unknown): void;
  reject(error: GodwitError): void;
}

/**
 * Calls another agent over whichever path answers. Requests are idempotent, and the other agent knows
 * a call by its id, so the same call may go over several paths: the first answer wins.
 */
export class PeerClient implements Peer {
  readonly name: NodeName;
  readonly #options: PeerClientOptions;
  #paths: PeerPath[] = [];
  readonly #calls = new Map<number, OpenCall>();
  #lastId = 0;

  constructor(options: PeerClientOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Keeps the connections to addresses that stay, ends those to others, opens the new ones. */
  follow(addresses: readonly string[], port: number): void {
    const previous = this.#paths;
    this.#paths = addresses.map((address) => {
      const known = previous.find((path) => path.address === address && path.port === port);
      return known ?? this.#openPath(address, port);
    });
    for (const path of previous) if (!this.#paths.includes(path)) path.close();
  }

  /** The address at which the other agent answers; the first one if it does at none. Undefined if it has none. */
  get bestAddress(): string | undefined {
    const open = this.#paths.filter((path) => path.connection !== undefined);
    return (open.find((path) => !path.doubtful) ?? open[0] ?? this.#paths[0])?.address;
  }

  close(): void {
    for (const path of this.#paths) path.close();
    for (const call of [...this.#calls.values()]) call.reject(this.#unreachable('the link of this agent was closed'));
  }

  call<M extends PeerMethod>(
    method: M,
    request: PeerRequests[M]['request'],
    deadlineMs: number,
  ): Promise<PeerRequests[M]['response']> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const call: OpenCall = {
        text: encodeCall(id, method, request),
        sentOver: new Set(),
        overdue: false,
        resolve: (response) => end(() => resolve(response as PeerRequests[M]['response'])),
        reject: (error) => end(() => reject(error)),
      };
      this.#calls.set(id, call);
      // The write comes before anything else: `go` is sent while the guest stands still.
      this.#sendOverNextPath(call);

      const { clock } = this.#options;
      const nextPathAfterMs = Math.min(NEXT_PATH_AFTER_MS_MAX, deadlineMs / 3);
      const cancelNextPath = clock.every(nextPathAfterMs, () => this.#sendOverdue(call));
      const cancelDeadline = clock.after(deadlineMs, () => {
        call.reject(this.#unreachable(`it did not answer "${method}" within ${deadlineMs} ms`));
      });
      const end = (settle: () => void) => {
        this.#calls.delete(id);
        cancelNextPath();
        cancelDeadline();
        settle();
      };
    });
  }

  #openPath(address: string, port: number): PeerPath {
    const { name: peer, ...shared } = this.#options;
    return new PeerPath(
      { ...shared, peer, address, port },
      {
        opened: () => this.#pathOpened(),
        closed: (_path, connection) => this.#connectionClosed(connection),
        received: (path, text) => this.#received(path, text),
      },
    );
  }

  /** False if every open path already carries the call. */
  #sendOverNextPath(call: OpenCall): boolean {
    let next: PeerPath | undefined;
    for (const path of this.#paths) {
      if (path.connection === undefined || call.sentOver.has(path.connection)) continue;
      if (!path.doubtful) {
        next = path;
        break;
      }
      next ??= path;
    }
    const connection = next?.connection;
    if (connection === undefined) return false;
    connection.send(call.text);
    call.sentOver.add(connection);
    return true;
  }

  #sendOverdue(call: OpenCall): void {
    for (const path of this.#paths) {
      if (path.connection !== undefined && call.sentOver.has(path.connection)) path.doubtful = true;
    }
    call.overdue = !this.#sendOverNextPath(call);
  }

  #pathOpened(): void {
    for (const call of this.#calls.values()) {
      if (call.sentOver.size === 0 || call.overdue) call.overdue = !this.#sendOverNextPath(call);
    }
  }

  #connectionClosed(connection: WebSocket): void {
    for (const call of this.#calls.values()) {
      if (call.sentOver.delete(connection) && call.sentOver.size === 0) this.#sendOverNextPath(call);
    }
  }

  #received(path: PeerPath, text: string): void {
    const answer = decodeAnswer(text);
    if (answer === undefined) {
      this.#options.log.warn('An agent sent a message that is not an answer', { peer: this.name });
      path.connection?.close(1002);
      return;
    }
    // An answer to no open call came second, or too late.
    const call = this.#calls.get(answer.id);
    if (call === undefined) return;
    if ('error' in answer) call.reject(new GodwitError(answer.error));
    else call.resolve(answer.response);
  }

  #unreachable(what: string): GodwitError {
    const broken = this.#paths.filter((path) => path.connection === undefined);
    const why = broken.map((path) => ` No connection to ${path.address}:${path.port}: ${path.problem}.`).join('');
    return new GodwitError({
      code: 'NODE_UNREACHABLE',
      message: `The agent of ${this.name} cannot be reached: ${what}.${why}`,
      state: 'Unknown whether the request arrived; repeating it does no harm.',
      nextStep: `Check that ${this.name} runs, that its agent runs, and the network between the nodes.`,
    });
  }
}
