import type { WebSocket } from 'ws';
import { type ConsoleRequest, toConsoleRequest } from '../../model/console.ts';
import type { ByteStream } from '../../ports/byte-stream.ts';
import type { Clock } from '../../ports/clock.ts';
import { connectToPeer, keepAlive, type PeerAddress } from './connect-to-peer.ts';
import { webSocketStream } from './web-socket-stream.ts';

const PATH = '/console?';
const CONNECT_TIMEOUT_MS = 2000;

/** A connection of its own for one console: a screen that is slow to be read must not hold up what agents say to each other. */
export function openConsoleStream(to: PeerAddress, request: ConsoleRequest, clock: Clock): ByteStream {
  const socket = connectToPeer(to, `${PATH}${encodeURIComponent(JSON.stringify(request))}`, {});
  let stopTimer = clock.after(CONNECT_TIMEOUT_MS, () => socket.terminate());
  socket.on('open', () => {
    stopTimer();
    stopTimer = keepAlive(socket, clock, { answered: () => undefined, dead: () => undefined });
  });
  socket.on('close', () => stopTimer());
  return webSocketStream(socket);
}

/** What the path of an upgrade request asks for: a console, something unknown (null), or the link itself (undefined). */
export function consoleAskedFor(url: string | undefined): ConsoleRequest | null | undefined {
  if (url?.startsWith(PATH) !== true) return undefined;
  try {
    return toConsoleRequest(JSON.parse(decodeURIComponent(url.slice(PATH.length)))) ?? null;
  } catch {
    return null;
  }
}

export type AcceptConsole = (request: ConsoleRequest, stream: ByteStream) => void;

/** Hands a connection over to whoever has the consoles. */
export function acceptConsole(connection: WebSocket, asked: ConsoleRequest | null, accept?: AcceptConsole): void {
  if (asked === null || accept === undefined) connection.close(1008, 'this agent has no such console');
  else accept(asked, webSocketStream(connection));
}
