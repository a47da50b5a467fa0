import type { FastifyInstance } from 'fastify';
import type { Clock } from '../ports/clock.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Its body may take as long as it comes. */
    readonly longBody?: boolean;
  }
}

/**
 * Ends connections whose request is not there in time, in milliseconds. Node.js has one time for the requests of a whole server, and
 * with it no large file could be uploaded.
 */
export function limitBodyTime(app: FastifyInstance, clock: Clock, limitMs: number): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const { raw } = request;
    // A WebSocket is a request that never ends.
    const isOpen = raw.complete === false && (raw as { readonly upgrade?: boolean }).upgrade !== true;
    if (request.routeOptions.config.longBody !== true && isOpen) {
      const cancel = clock.after(limitMs, () => {
        if (!raw.complete) raw.destroy();
      });
      raw.once('end', cancel);
      raw.once('close', cancel);
    }
    done();
  });
}
