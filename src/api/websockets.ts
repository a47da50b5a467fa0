import fastifyWebsocket from '@fastify/websocket';
import type { FastifyInstance } from 'fastify';
import { SIGNED_OUT } from '../contract/live.ts';
import { TICKET_PROTOCOL_PREFIX } from '../contract/session.ts';
import type { Clock } from '../ports/clock.ts';
import { sessionIdOf } from './authentication.ts';
import type { Sessions } from './sessions.ts';

const MESSAGE_MAX_BYTES = 64 * 1024;
/** Shorter messages go out as they are: they come often, and each one would cost more than it saves. */
const COMPRESSED_FROM_BYTES = 32 * 1024;
const SESSION_LOOK_PERIOD_MS = 15_000;

/** WebSockets for all routes: which sub-protocol is chosen, what is compressed, and that none outlives the session that opened it. */
export function acceptWebSockets(app: FastifyInstance, sessions: Sessions, clock: Clock): void {
  void app.register(fastifyWebsocket, {
    options: {
      maxPayload: MESSAGE_MAX_BYTES,
      // Nothing of one message is kept for the next: there may be many clients.
      perMessageDeflate: {
        ...{ threshold: COMPRESSED_FROM_BYTES, serverNoContextTakeover: true, clientNoContextTakeover: true },
        zlibDeflateOptions: { level: 3 },
      },
      // A ticket is a secret, and no protocol.
      handleProtocols: (offered: Set<string>) =>
        [...offered].find((protocol) => !protocol.startsWith(TICKET_PROTOCOL_PREFIX)) ?? false,
    },
  });
  app.after(() => {
    app.websocketServer.on('connection', (socket, request) => {
      const id = sessionIdOf(request);
      if (id === null) return;
      const stop = clock.every(SESSION_LOOK_PERIOD_MS, () => {
        if (!sessions.lives(id)) socket.close(SIGNED_OUT, 'the session has ended');
      });
      socket.on('close', stop);
    });
  });
}
