/** The lab's gateway, a process of its own in the client machine's network: see gateway.ts. */
import type { Socket } from 'node:net';
import { connect, Server } from 'node:net';

/** Comes with a server that listens on the host's loopback. */
export interface GatewayMessage {
  readonly host: string;
  readonly port: number;
}

/** Longer than a node that is up needs; one that is not must not make its caller wait. */
const CONNECT_MS = 3000;

function forward(inside: Socket, target: GatewayMessage): void {
  const outside = connect({ host: target.host, port: target.port, noDelay: true });
  outside.setTimeout(CONNECT_MS, () => outside.destroy());
  outside.once('connect', () => {
    outside.setTimeout(0);
    // A node that loses power says nothing: without probes the caller would wait for ever.
    outside.setKeepAlive(true, 2000);
  });
  inside.setNoDelay(true);
  for (const [one, other] of [
    [inside, outside],
    [outside, inside],
  ] as const) {
    one.pipe(other);
    one.on('error', () => undefined);
    one.once('close', () => other.destroy());
  }
}

// Only where a lab has started this file as a process: its types are imported elsewhere.
if (process.send !== undefined) {
  process.on('message', (target: GatewayMessage, server: unknown) => {
    if (!(server instanceof Server)) return;
    server.on('connection', (socket: Socket) => forward(socket, target));
    process.send?.('listening');
  });
}
