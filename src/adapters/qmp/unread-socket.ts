import { rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { listenForGroup } from './group-socket.ts';

/**
 * Listens on a Unix socket whose group is that of its directory, takes every connection and reads nothing from it. Returns a
 * function that ends that and removes the socket. Rejects with what the file system says.
 */
export async function listenUnread(path: string): Promise<() => void> {
  const connections = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    connections.add(socket);
    socket.on('error', () => undefined);
  });
  const close = () => {
    for (const socket of connections) socket.destroy();
    server.close();
    rmSync(path, { force: true });
  };
  try {
    await listenForGroup(server, path);
  } catch (error) {
    close();
    throw error;
  }
  server.on('error', () => undefined);
  return close;
}
