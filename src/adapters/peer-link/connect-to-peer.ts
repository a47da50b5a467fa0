import { connect, type SecureContext } from 'node:tls';
import { WebSocket } from 'ws';
import type { NodeName } from '../../model/names.ts';
import type { Clock } from '../../ports/clock.ts';
import { whyNotNode } from './certificate-name.ts';
import { MESSAGE_BYTES_MAX } from './link-messages.ts';

/** Pings without an answer after which the connection counts as dead. */
const UNANSWERED_PINGS_MAX = 2;
const PING_PERIOD_MS = 1000;

export interface PeerAddress {
  readonly peer: NodeName;
  readonly address: string;
  readonly port: number;
  readonly secureContext: () => SecureContext;
  readonly isRevoked: ((serial: string) => boolean) | undefined;
}

/** Begins a connection to another agent that ends at once unless its certificate names this node. */
export function connectToPeer(
  { address, isRevoked, peer, port, secureContext }: PeerAddress,
  path: string,
  headers: Readonly<Record<string, string>>,
): WebSocket {
  const host = address.includes(':') ? `[${address}]` : address;
  return new WebSocket(`wss://${host}:${port}${path}`, {
    createConnection: () =>
      connect({
        host: address,
        port,
        // The name in the certificate is checked, not the address: no server name is asked for.
        servername: '',
        secureContext: secureContext(),
        minVersion: 'TLSv1.3',
        rejectUnauthorized: true,
        checkServerIdentity: (_host, certificate) => whyNotNode(peer, certificate, isRevoked),
      }),
    headers,
    perMessageDeflate: false,
    maxPayload: MESSAGE_BYTES_MAX,
  });
}

/**
 * Pings an open connection and ends it when no answers come; returns a function that ends the pinging. Counts pings instead of
 * comparing times: an agent that was frozen itself finds the answer waiting when it thaws, and must not take its
 * own silence for the other's. One that is paused reads no answers; it
 * still pings, for the other side.
 */
export function keepAlive(
  connection: WebSocket,
  clock: Clock,
  told: { answered(): void; dead(reason: string): void },
): () => void {
  let unanswered = 0;
  connection.on('pong', () => {
    unanswered = 0;
    told.answered();
  });
  return clock.every(PING_PERIOD_MS, () => {
    if (connection.isPaused) unanswered = 0;
    if (unanswered >= UNANSWERED_PINGS_MAX) {
      told.dead(`no answer to ${unanswered} pings`);
      connection.terminate();
      return;
    }
    unanswered += 1;
    connection.ping();
  });
}
