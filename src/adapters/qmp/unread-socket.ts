import { chmodSync, chownSync, rmSync, statSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';

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
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  server.on('error', () => undefined);
  try {
    chownSync(path, -1, statSync(dirname(path)).gid);
    chmodSync(path, 0o660);
  } catch (error) {
    close();
    throw error;
  }
  return close;
}
