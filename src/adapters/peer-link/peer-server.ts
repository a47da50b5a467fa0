import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type WebSocket, WebSocketServer } from 'ws';
import { GodwitError, NOTHING_CHANGED, toErrorBody } from '../../model/errors.ts';
import type { NodeName } from '../../model/names.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { PeerHandlers, PeerMethod } from '../../ports/peers.ts';
import { nodeNameOf } from './certificate-name.ts';
import { type AcceptConsole, acceptConsole, consoleAskedFor } from './console-stream.ts';
import {
  type AnswerMessage,
  BOOT_ID_HEADER,
  type CallMessage,
  decodeCall,
  encodeAnswer,
  isPeerMethod,
  LINK_ID_HEADER,
  MESSAGE_BYTES_MAX,
  REFUSED_HEADER,
  REFUSED_REVOKED,
} from './link-messages.ts';

const HANDSHAKE_TIMEOUT_MS = 5000;
const QUIET_CHECK_PERIOD_MS = 1000;
/** The caller pings every second. A connection that was quiet for this many checks leads nowhere any more. */
const QUIET_CHECKS_MAX = 5;

export interface PeerServerOptions {
  readonly listenAddress: string;
  readonly listenPort: number;
  readonly tls: { readonly ca: string | Buffer; readonly cert: string | Buffer; readonly key: string | Buffer };
  readonly isEvicted?: (node: NodeName) => boolean;
  readonly isRevoked?: (serial: string) => boolean;
  /** Undefined: there are none here. */
  readonly consoles: () => AcceptConsole | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

interface Caller {
  readonly name: NodeName;
  /** Of its certificate. */
  readonly serial: string;
  readonly linkId: string;
}

/** Answers the calls of other agents. */
export class PeerServer {
  readonly #options: PeerServerOptions;
  readonly #handlers: Partial<PeerHandlers>;
  readonly #https: Server;
  readonly #webSockets: WebSocketServer;
  /** Calls being worked on, by caller and id: the same call over a second path waits for the same work. */
  readonly #running = new Map<string, Promise<AnswerMessage>>();
  readonly #quietChecks = new Map<WebSocket, number>();
  readonly #callers = new Map<WebSocket, Caller>();
  #cancelQuietCheck: () => void = () => {};

  constructor(options: PeerServerOptions, handlers: Partial<PeerHandlers>) {
    this.#options = options;
    this.#handlers = handlers;
    this.#https = createServer({
      ...options.tls,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      noDelay: true,
    });
    this.#webSockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: MESSAGE_BYTES_MAX,
      clientTracking: true,
    });
    this.#https.on('request', (_request, response) => response.writeHead(426).end());
    this.#https.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#https.on('tlsClientError', (error) => {
      options.log.debug('Refused a connection to the link', { problem: error.message });
    });
  }

  async listen(): Promise<void> {
    const { listenAddress, listenPort, clock, log } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#https.once('error', reject);
      this.#https.listen({ host: listenAddress, port: listenPort }, () => {
        this.#https.off('error', reject);
        resolve();
      });
    }).catch((error: unknown) => {
      throw whyNotListening(`${listenAddress}:${listenPort}`, error);
    });
    this.#https.on('error', (error) => log.error('The link between agents has a problem', { problem: error.message }));
    this.#cancelQuietCheck = clock.every(QUIET_CHECK_PERIOD_MS, () => this.#endQuietConnections());
  }

  /** For connections from now on. */
  useIdentity(tls: PeerServerOptions['tls']): void {
    this.#https.setSecureContext({ ...tls, minVersion: 'TLSv1.3' });
  }

  close(): void {
    this.#cancelQuietCheck();
    for (const connection of this.#webSockets.clients) connection.terminate();
    this.#webSockets.close();
    this.#https.close();
    this.#https.closeAllConnections();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { log } = this.#options;
    const tlsSocket = socket as TLSSocket;
    const certificate = tlsSocket.authorized ? tlsSocket.getPeerCertificate() : undefined;
    const name = nodeNameOf(certificate);
    const serial = certificate?.serialNumber ?? '';
    if (name === undefined || this.#isRemoved({ name, serial })) {
      const why = name === undefined ? 'not the certificate of a node' : `${name} was removed from the cluster`;
      log.warn(`Refused a connection to the link: ${why}`, { from: tlsSocket.remoteAddress });
      const revoked = this.#options.isRevoked?.(serial) === true ? `${REFUSED_HEADER}: ${REFUSED_REVOKED}\r\n` : '';
      socket.end(`HTTP/1.1 403 Forbidden\r\n${revoked}Connection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (connection) => {
      const caller = { name, serial, linkId: String(request.headers[LINK_ID_HEADER]) };
      log.debug('Another agent connected', {
        peer: name,
        from: tlsSocket.remoteAddress,
        bootId: request.headers[BOOT_ID_HEADER],
      });
      const asked = consoleAskedFor(request.url);
      this.#watch(connection, caller);
      if (asked === undefined) this.#serve(connection, caller);
      else acceptConsole(connection, asked, this.#options.consoles());
    });
  }

  #watch(connection: WebSocket, caller: Caller): void {
    this.#quietChecks.set(connection, 0);
    this.#callers.set(connection, caller);
    const heard = () => this.#quietChecks.set(connection, 0);
    connection.on('ping', heard);
    connection.on('message', heard);
    connection.on('error', (error) => {
      this.#options.log.debug('A connection of the link broke', { peer: caller.name, problem: error.message });
    });
    connection.on('close', () => {
      this.#quietChecks.delete(connection);
      this.#callers.delete(connection);
    });
  }

  #serve(connection: WebSocket, caller: Caller): void {
    connection.on('message', (data) => {
      const call = decodeCall((data as Buffer).toString('utf8'));
      if (call === undefined) {
        this.#options.log.warn('An agent sent a message that is not a call', { peer: caller.name });
        connection.close(1002);
        return;
      }
      void this.#answer(call, caller).then((answer) => {
        if (connection.readyState === connection.OPEN) connection.send(encodeAnswer(answer));
      });
    });
  }

  #answer(call: CallMessage, caller: Caller): Promise<AnswerMessage> {
    const key = `${caller.name} ${caller.linkId} ${call.id}`;
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    // Called here and now, not in a later turn: `go` must reach QEMU without a detour.
    const answer = this.#handle(call, caller).then(
      (response): AnswerMessage => ({ id: call.id, response: response ?? null }),
      (error: unknown): AnswerMessage => {
        if (!(error instanceof GodwitError)) {
          this.#options.log.error('A request of another agent failed', {
            peer: caller.name,
            method: call.method,
            error,
          });
        }
        return { id: call.id, error: toErrorBody(error) };
      },
    );
    this.#running.set(key, answer);
    void answer.then(() => this.#running.delete(key));
    return answer;
  }

  async #handle(call: CallMessage, caller: Caller): Promise<unknown> {
    const { method } = call;
    if (!isPeerMethod(method)) {
      throw new GodwitError({
        code: 'INVALID_INPUT',
        message: `This agent knows no request "${method}".`,
        state: NOTHING_CHANGED,
        nextStep: 'Run the same version of Godwit on all nodes.',
      });
    }
    const handlers = this.#handlers as Partial<
      Record<PeerMethod, (request: unknown, from: NodeName) => Promise<unknown>>
    >;
    const handler = handlers[method];
    if (handler === undefined) {
      throw new GodwitError({
        code: 'INVALID_INPUT',
        message: `This member of the cluster runs no VMs, so it does not answer "${method}".`,
        state: NOTHING_CHANGED,
        nextStep: 'Ask a node, not the witness.',
      });
    }
    return handler(call.request, caller.name);
  }

  #isRemoved({ name, serial }: Pick<Caller, 'name' | 'serial'>): boolean {
    const { isEvicted, isRevoked } = this.#options;
    return isEvicted?.(name) === true || isRevoked?.(serial) === true;
  }

  /** And those of nodes that were removed since they connected. */
  #endQuietConnections(): void {
    for (const [connection, checks] of this.#quietChecks) {
      const caller = this.#callers.get(connection);
      const removed = caller !== undefined && this.#isRemoved(caller);
      if (checks >= QUIET_CHECKS_MAX || removed) connection.terminate();
      // One that is paused is not read, so its pings are not heard.
      else if (!connection.isPaused) this.#quietChecks.set(connection, checks + 1);
    }
  }
}

function whyNotListening(where: string, cause: unknown): GodwitError {
  const problem = cause instanceof Error ? cause.message : String(cause);
  return new GodwitError(
    {
      code: 'REQUIREMENT_MISSING',
      message: `The link between agents cannot listen on ${where}: ${problem}.`,
      state: 'This agent cannot be reached by the others.',
      nextStep: `Find out which process uses the port (\`ss -ltnp\`), end it, and start the agent again.`,
    },
    cause,
  );
}
