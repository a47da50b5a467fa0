import { randomUUID } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { NodeName } from '../../model/names.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ConsoleLink } from '../../ports/consoles.ts';
import type { Log } from '../../ports/log.ts';
import type { PeerHandlers, Peers } from '../../ports/peers.ts';
import { type AcceptConsole, openConsoleStream } from './console-stream.ts';
import { PeerClient } from './peer-client.ts';
import { PeerServer } from './peer-server.ts';

export interface PeerLinkOptions {
  readonly nodeName: NodeName;
  readonly bootId: string;
  readonly listenPort: number;
  readonly listenAddress: string;
  /** PEM: the cluster's CA; certificate (CN = node name, O = godwit) and key of this node. */
  readonly tls: { readonly ca: string | Buffer; readonly cert: string | Buffer; readonly key: string | Buffer };
  /** Nodes that were removed: their certificates are valid, but they are not let in. */
  readonly isEvicted?: (node: NodeName) => boolean;
  /** Serial number of a certificate, hexadecimal: whether it is accepted no more, on either side. */
  readonly isRevoked?: (serial: string) => boolean;
  /** Another agent has refused this node's own certificate as revoked. */
  readonly onRevoked?: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

export interface PeerLink extends Peers {
  /** Consoles that the other agent has, and those that it asks for. */
  readonly consoles: ConsoleLink;
  /** PEM, for connections from now on; those that are open stay. */
  useIdentity(tls: PeerLinkOptions['tls']): void;
}

/**
 * The link between agents: WebSocket over TLS 1.3 with a certificate on both sides. A node is who its
 * certificate names, whatever address it comes from.
 */
export function createPeerLink(options: PeerLinkOptions): PeerLink {
  const { bootId, clock, log } = options;
  let tls = options.tls;
  let secureContext = createSecureContext({ ...tls, minVersion: 'TLSv1.3' });
  const linkId = randomUUID();
  const clients = new Map<NodeName, PeerClient>();
  let server: PeerServer | undefined;

  let acceptConsole: AcceptConsole | undefined;

  const clientOf = (name: NodeName, addresses: readonly string[], port: number): PeerClient => {
    let client = clients.get(name);
    if (client === undefined) {
      const { isRevoked, onRevoked } = options;
      const shared = { linkId, bootId, clock, log, isRevoked, onRevoked };
      client = new PeerClient({ name, secureContext: () => secureContext, ...shared });
      clients.set(name, client);
    }
    client.follow(addresses, port);
    return client;
  };

  return {
    peer: clientOf,

    consoles: {
      open({ node, addresses, port }, request) {
        const address = clientOf(node, addresses, port).bestAddress ?? '';
        const { isRevoked } = options;
        const to = { peer: node, address, port, secureContext: () => secureContext, isRevoked };
        return openConsoleStream(to, request, clock);
      },
      serve(accept) {
        acceptConsole = accept;
      },
    },

    async serve(handlers: Partial<PeerHandlers>): Promise<void> {
      const starting = new PeerServer({ ...options, tls, consoles: () => acceptConsole }, handlers);
      await starting.listen();
      server = starting;
      log.info('The link between agents is open', { node: options.nodeName, port: options.listenPort });
    },

    useIdentity(next): void {
      tls = next;
      secureContext = createSecureContext({ ...tls, minVersion: 'TLSv1.3' });
      server?.useIdentity(tls);
    },

    close(): void {
      for (const client of clients.values()) client.close();
      clients.clear();
      server?.close();
      server = undefined;
    },
  };
}
