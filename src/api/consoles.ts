import type { WebSocket } from '@fastify/websocket';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import {
  CONSOLE_BACKLOG_MAX_BYTES,
  CONSOLE_PING_PERIOD_MS,
  CONSOLE_ROUTES,
  type ConsoleKind,
} from '../contract/console.ts';
import { exact, nameParams } from '../contract/shapes.ts';
import type { ApiContext } from './context.ts';

const querySchema = exact({
  backlogBytes: Type.Optional(Type.Integer({ minimum: 0, maximum: CONSOLE_BACKLOG_MAX_BYTES })),
});

/** The consoles; `src/contract/console.ts` says what goes over them. */
export function serveConsoles(app: FastifyInstance, context: ApiContext): void {
  for (const kind of ['vnc', 'serial'] as const) serveConsole(app, context, kind);
}

interface ConsolePart {
  readonly Params: { readonly name: string };
  readonly Querystring: { readonly backlogBytes?: number };
}

function serveConsole(app: FastifyInstance, { clock, consoles }: ApiContext, kind: ConsoleKind): void {
  const schema = { hide: true, params: nameParams, querystring: querySchema };
  app.get<ConsolePart>(CONSOLE_ROUTES[kind], { websocket: true, schema }, (socket, request) => {
    const { backlogBytes = CONSOLE_BACKLOG_MAX_BYTES } = request.query;
    consoles.show({ kind, vm: request.params.name, backlogBytes }, socket);
    const stopPinging = pingPeriodically(socket, (ping) => clock.every(CONSOLE_PING_PERIOD_MS, ping));
    socket.on('close', stopPinging);
    socket.on('error', stopPinging);
  });
}

/** Ends a connection that no longer leads anywhere. */
function pingPeriodically(socket: WebSocket, every: (ping: () => void) => () => void): () => void {
  let answered = true;
  socket.on('pong', () => {
    answered = true;
  });
  return every(() => {
    // One that is paused, because the guest takes no more, is not read: its answer is still to come.
    if (socket.isPaused) answered = true;
    if (!answered) return socket.terminate();
    answered = false;
    socket.ping();
  });
}
