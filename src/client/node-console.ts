import { WebSocket } from 'ws';
import { parseClusterUrl } from './cluster-url.ts';
import type { NodeTransportOptions } from './node-transport.ts';

export interface ConsoleListener {
  onOpen(): void;
  onBytes(bytes: Uint8Array): void;
  /** Once, also if it never opened; see CONSOLE_CLOSE in the contract, and 1006 for a connection that broke or never was. */
  onClose(code: number, reason: string): void;
}

export interface NodeConsole {
  /** Thrown away while it is not open. */
  write(bytes: Uint8Array): void;
  close(): void;
}

/** Opens a console from Node.js; `path` as `consolePath` makes it. */
export function openNodeConsole(options: NodeTransportOptions, path: string, listener: ConsoleListener): NodeConsole {
  const url = new URL(path, parseClusterUrl(options.url));
  url.protocol = 'wss:';
  const authorization = `Basic ${Buffer.from(`${options.user}:${options.password}`).toString('base64')}`;
  const socket = new WebSocket(url, {
    headers: { authorization },
    handshakeTimeout: options.deadlineMs ?? 10_000,
    perMessageDeflate: false,
    ...(options.ca !== null && { ca: options.ca }),
    ...(options.anyNode === true && { checkServerIdentity: () => undefined }),
  });
  let problem = '';
  socket.on('open', () => listener.onOpen());
  socket.on('message', (data: Buffer) => listener.onBytes(data));
  socket.on('error', (error) => {
    problem = error.message;
  });
  socket.on('close', (code, reason) => listener.onClose(code, reason.toString() || problem));
  return {
    write: (bytes) => {
      if (socket.readyState === socket.OPEN) socket.send(bytes);
    },
    close: () => socket.close(1000),
  };
}
