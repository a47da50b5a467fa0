import { chmodSync, chownSync, rmSync, statSync } from 'node:fs';
import type { Server } from 'node:net';
import { dirname } from 'node:path';

/**
 * Listens on a Unix socket that QEMU may connect to: its group is that of its directory. Whatever was there before is removed. Rejects with
 * what the file system says; whoever calls closes the server and removes the socket, then as well.
 */
export async function listenForGroup(server: Server, path: string): Promise<void> {
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  chownSync(path, -1, statSync(dirname(path)).gid);
  chmodSync(path, 0o660);
}
