import type { Server } from 'node:https';
import fastifySwagger from '@fastify/swagger';
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import Fastify, { type FastifyInstance } from 'fastify';
import { errorBodySchema } from '../contract/error-body.ts';
import { API_PREFIX } from '../contract/route.ts';
import { SESSION_COOKIE } from '../contract/session.ts';
import { serveAvailability } from './availability.ts';
import { type Authentication, requireSignIn } from './authentication.ts';
import { limitBodyTime } from './body-deadline.ts';
import { serveCancelMigration } from './cancel-migration.ts';
import { serveChangeVm } from './change-vm.ts';
import { serveCluster } from './cluster.ts';
import { serveConfirmDead } from './confirm-dead.ts';
import { serveConsoles } from './consoles.ts';
import type { ApiContext } from './context.ts';
import { serveCreateVm } from './create-vm.ts';
import { allowMemberPages } from './cross-origin.ts';
import { serveDeleteVm } from './delete-vm.ts';
import { serveDiscardSavedMemory } from './discard-saved-memory.ts';
import { answerErrors } from './error-answer.ts';
import { serveEviction } from './evict-node.ts';
import { serveJoin } from './join.ts';
import { EventHistory } from './event-history.ts';
import { serveEvents } from './events.ts';
import { serveExplainVm } from './explain-vm.ts';
import { serveImages } from './images.ts';
import { serveLive } from './live.ts';
import { LoadHistory } from './load-history.ts';
import { serveMigrateVm } from './migrate-vm.ts';
import { serveMigrations } from './migrations.ts';
import { serveNodeFencing } from './node-fencing.ts';
import { serveNodeService } from './node-service.ts';
import { serveNodeLoad } from './node-load.ts';
import { serveNodes } from './nodes.ts';
import { createPasswordCheck } from './password-check.ts';
import { servePower } from './power.ts';
import { ERROR_SCHEMA_ID } from './resource.ts';
import { serveSession } from './session-routes.ts';
import { Sessions } from './sessions.ts';
import { Tickets } from './tickets.ts';
import { serveVms } from './vms.ts';
import { serveConsole } from './web-console.ts';
import { acceptWebSockets } from './websockets.ts';

export interface ApiServerOptions extends ApiContext {
  /** PEM texts. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
}

export type ApiServer = FastifyInstance<Server>;

const BODY_MAX_BYTES = 64 * 1024;
const REQUEST_TIMEOUT_MS = 15_000;

/**
 * The REST API of an agent. It reads the cluster's state and writes intents; the agents act on them.
 * The caller lets it listen: `await server.listen({ host, port })`, and ends it with `await server.close()`.
 */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const { ca, cert, key } = options.tls;
  const app = Fastify({
    https: { ca, cert, key, minVersion: 'TLSv1.2' },
    logger: false,
    genReqId: () => options.ids.uuid(),
    bodyLimit: BODY_MAX_BYTES,
    // Each request but uploads has its own: see limitBodyTime.
    requestTimeout: 0,
    forceCloseConnections: true,
    allowErrorHandlerOverride: false,
  });
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  // Plugins and hooks see the plain type; only those who look at sockets need to know that they are TLS.
  const plain = app as unknown as FastifyInstance;
  const sources = openSources(options);
  app.addHook('onClose', async () => {
    for (const source of [sources.history, sources.loads, sources.authentication.sessions]) source.close();
  });
  app.server.headersTimeout = REQUEST_TIMEOUT_MS;
  limitBodyTime(plain, options.clock, REQUEST_TIMEOUT_MS);
  answerErrors(plain, options.log);
  allowMemberPages(plain, options.reader);
  requireSignIn(plain, sources.authentication);
  acceptWebSockets(plain, sources.authentication.sessions, options.clock);
  app.addSchema({ ...errorBodySchema, $id: ERROR_SCHEMA_ID });
  void app.register(fastifySwagger, {
    openapi: openApiHead(),
    refResolver: { buildLocalReference: (schema) => schema['$id'] as string },
  });
  void app.register(async (api) => serveAll(api as unknown as FastifyInstance, options, sources), {
    prefix: API_PREFIX,
  });
  void app.register(async (root) =>
    serveConsole(root as unknown as FastifyInstance, options.consoleFiles, options.reader),
  );
  return app;
}

interface Sources {
  readonly history: EventHistory;
  readonly loads: LoadHistory;
  readonly authentication: Authentication & { readonly sessions: Sessions };
}

/** What the API itself follows in the store, beside the cluster's state. */
function openSources(context: ApiContext): Sources {
  const { store, clock, config, reader } = context;
  return {
    history: new EventHistory(store),
    loads: new LoadHistory(store, clock),
    authentication: {
      ...{ sessions: new Sessions(context), tickets: new Tickets(clock), reader },
      check: createPasswordCheck(config.administrator, clock),
    },
  };
}

function serveAll(api: FastifyInstance, context: ApiContext, { history, loads, authentication }: Sources): void {
  serveSession(api, context, authentication);
  serveCluster(api, context);
  serveVms(api, context, loads);
  serveCreateVm(api, context);
  serveDeleteVm(api, context);
  servePower(api, context);
  serveDiscardSavedMemory(api, context);
  serveMigrateVm(api, context);
  serveCancelMigration(api, context);
  serveMigrations(api, context);
  serveJoin(api, context);
  serveEviction(api, context);
  serveChangeVm(api, context);
  serveImages(api, context);
  serveExplainVm(api, context, history);
  serveNodes(api, context, history);
  serveNodeService(api, context, history);
  serveConfirmDead(api, context, history);
  serveNodeFencing(api, context, history);
  serveAvailability(api, context);
  serveEvents(api, history);
  serveNodeLoad(api, context, loads);
  serveConsoles(api, context);
  serveLive(api, context, { history, loads });
  api.get('/openapi.json', { config: { open: true }, schema: { hide: true } }, () => api.swagger());
  // Ahead of the console, which takes every other path.
  api.get('/*', { schema: { hide: true } }, (_request, reply) => reply.callNotFound());
}

function openApiHead() {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Godwit',
      version: '1',
      description:
        'The REST API of a Godwit cluster; every node answers it. Units are in the names: bytes, milliseconds, bytes per second. ' +
        'Changes over time come over the WebSocket at /api/v1/live.',
    },
    components: {
      securitySchemes: {
        basic: { type: 'http' as const, scheme: 'basic' },
        session: { type: 'apiKey' as const, in: 'cookie' as const, name: SESSION_COOKIE },
        relay: { type: 'http' as const, scheme: 'bearer' },
      },
    },
    security: [{ basic: [] }, { session: [] }, { relay: [] }],
  };
}
