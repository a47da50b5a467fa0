/** The guard's end of the line to the agent: see model/guard-line.ts. */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { MessageFromGuard, MessageToGuard } from '../model/guard-line.ts';

/** A line is shorter than this; whoever sends a longer one is no agent. */
const LINE_BYTES_MAX = 1024;

export interface GuardServer {
  /** To every agent that is connected: while one is restarted there may be two. */
  tell(message: MessageFromGuard): void;
  close(): void;
}

export interface GuardServerOptions {
  /** Path of the Unix socket; replaced if there is one. */
  readonly path: string;
  readonly onMessage: (message: MessageToGuard) => void;
  readonly onConnect: () => void;
  readonly say: (text: string) => void;
}

export function startGuardServer({ path, onMessage, onConnect, say }: GuardServerOptions): GuardServer {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let rest = '';
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const message = parse(line);
        if (message === undefined) say(`not understood: ${line.slice(0, 200)}`);
        else onMessage(message);
      }
      if (rest.length > LINE_BYTES_MAX) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    onConnect();
  });
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 });
  rmSync(path, { force: true });
  server.listen(path, () => chmodSync(path, 0o600));
  return {
    tell(message) {
      if (sockets.size === 0) return;
      const line = `${JSON.stringify(message)}\n`;
      for (const socket of sockets) {
        // An agent that does not read is not waited for, and must not fill the guard's memory.
        if (socket.writableLength === 0) socket.write(line);
      }
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function parse(line: string): MessageToGuard | undefined {
  try {
    const message = JSON.parse(line) as { kind?: unknown; untilMs?: unknown };
    if (message.kind === 'end' || message.kind === 'goodbye') return { kind: message.kind };
    const { untilMs } = message;
    if (message.kind !== 'extend') return undefined;
    if (untilMs === null) return { kind: 'extend', untilMs };
    return typeof untilMs === 'number' && Number.isFinite(untilMs) ? { kind: 'extend', untilMs } : undefined;
  } catch {
    return undefined;
  }
}
