import type { FastifyInstance } from 'fastify';
import { LIVE_PATH, LIVE_PING_PERIOD_MS, LIVE_TOO_SLOW } from '../contract/live.ts';
import { API_PREFIX } from '../contract/route.ts';
import type { ApiContext } from './context.ts';
import type { EventReader } from './event-history.ts';
import { LiveFeed } from './live-feed.ts';

/** A client with more than this waiting for it reads too slowly. */
const WAITING_MAX_BYTES = 4 * 1024 * 1024;

/** The live channel; `src/contract/live.ts` says what goes over it. */
export function serveLive(app: FastifyInstance, context: ApiContext, history: EventReader): void {
  const feed = new LiveFeed(context.reader, context.clock, history);
  app.addHook('onClose', async () => feed.close());
  app.get(LIVE_PATH.slice(API_PREFIX.length), { websocket: true, schema: { hide: true } }, (socket) => {
    let answered = true;
    const end = feed.listen((text) => {
      if (socket.bufferedAmount > WAITING_MAX_BYTES) socket.close(LIVE_TOO_SLOW, 'reads too slowly');
      else socket.send(text);
    });
    const stopPinging = context.clock.every(LIVE_PING_PERIOD_MS, () => {
      if (!answered) socket.terminate();
      answered = false;
      socket.ping();
    });
    socket.on('pong', () => {
      answered = true;
    });
    const finish = () => {
      end();
      stopPinging();
    };
    socket.on('close', finish);
    socket.on('error', finish);
  });
}
