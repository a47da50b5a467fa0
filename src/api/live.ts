import type { FastifyInstance } from 'fastify';
import { LIVE_PATH, LIVE_PING_PERIOD_MS } from '../contract/live.ts';
import { API_PREFIX } from '../contract/route.ts';
import type { ApiContext } from './context.ts';
import type { EventReader } from './event-history.ts';
import { LiveFeed } from './live-feed.ts';
import { LiveSender } from './live-sender.ts';
import type { LoadHistory } from './load-history.ts';

/** The live channel; `src/contract/live.ts` says what goes over it. */
export function serveLive(
  app: FastifyInstance,
  context: ApiContext,
  { history, loads }: { readonly history: EventReader; readonly loads: LoadHistory },
): void {
  const { reader, store, clock, nodeName, config } = context;
  const feed = new LiveFeed({ reader, store, clock, nodeName, clusterName: config.clusterName, history, loads });
  app.addHook('onClose', async () => feed.close());
  app.get(LIVE_PATH.slice(API_PREFIX.length), { websocket: true, schema: { hide: true } }, (socket) => {
    let answered = true;
    const sender = new LiveSender(socket);
    const end = feed.listen((said) => sender.say(said));
    const stopPinging = clock.every(LIVE_PING_PERIOD_MS, () => {
      if (!answered) socket.terminate();
      answered = false;
      sender.look();
      socket.ping();
    });
    socket.on('pong', () => {
      answered = true;
    });
    const finish = () => {
      end();
      sender.end();
      stopPinging();
    };
    socket.on('close', finish);
    socket.on('error', finish);
  });
}
