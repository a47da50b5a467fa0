import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import type { BodyOf, ParamsOf, QueryOf, Route } from '../contract/route.ts';

/** The schema of error answers, which every route shares. */
export const ERROR_SCHEMA_ID = 'Error';

/** A request that has passed its route's schemas. */
export interface Call<R extends Route> {
  readonly params: ParamsOf<R>;
  readonly query: QueryOf<R>;
  readonly body: BodyOf<R>;
}

/** For what is in no schema: cookies, headers, who asks. */
export interface Http {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** One of the answers that the route promises. */
export type Answer<R extends Route> = {
  [Status in keyof R['response'] & number]: { readonly status: Status; readonly body: Static<R['response'][Status]> };
}[keyof R['response'] & number];

/** Keeps the status a literal, so that it can be checked against the route's. */
export function answer<const Status extends number, Body>(status: Status, body: Body) {
  return { status, body };
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered without signing in. */
    readonly open?: boolean;
  }
}

/** Lets the server answer a route of the contract; its schemas judge what comes in and shape what goes out. */
export function serve<R extends Route>(
  app: FastifyInstance,
  route: R,
  handle: (call: Call<R>, http: Http) => Promise<Answer<R>> | Answer<R>,
): void {
  app.route({
    method: route.method,
    url: route.path,
    config: { open: route.signedIn === false },
    schema: {
      summary: route.summary,
      ...(route.params && { params: route.params }),
      ...(route.query && { querystring: route.query }),
      ...(route.body && { body: route.body }),
      ...(route.signedIn === false && { security: [] }),
      response: { ...route.response, default: { $ref: `${ERROR_SCHEMA_ID}#` } },
    },
    handler: async (request, reply) => {
      const { params, query, body } = request;
      const answered = await handle({ params, query, body } as Call<R>, { request, reply });
      // The route's schema was checked above; Fastify's own types know nothing of it here.
      return reply.code(answered.status as number).send(answered.body as unknown);
    },
  });
}
