import type { FastifyInstance } from 'fastify';
import { CSRF_HEADER } from '../contract/session.ts';
import type { ClusterReader } from '../model/cluster-state.ts';
import { claimedOrigin, isMemberOrigin, ownOrigin } from './origins.ts';

const PREFLIGHT_VALID_SECONDS = 600;

/** What an answer of the API tells the browser; pages have more of their own. */
const SAFE_ANSWER = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
};

/**
 * Pages that another member has served may ask here, so that they go on when that member is gone (CORS). They prove who
 * has signed in by the session's relay: cookies are not taken from other origins.
 */
export function allowMemberPages(app: FastifyInstance, reader: ClusterReader): void {
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(SAFE_ANSWER);
    const origin = claimedOrigin(request);
    if (origin === null || origin === ownOrigin(request)) return;
    void reply.header('vary', 'Origin');
    if (!isMemberOrigin(reader, origin)) return;
    void reply.headers({
      'access-control-allow-origin': origin,
      'access-control-expose-headers': 'Retry-After',
    });
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return;
    void reply.headers({
      'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
      'access-control-allow-headers': `authorization, content-type, ${CSRF_HEADER}`,
      'access-control-max-age': String(PREFLIGHT_VALID_SECONDS),
    });
    await reply.code(204).send();
  });
}
