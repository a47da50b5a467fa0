import type { Server } from 'node:https';
import fastifySwagger from '@fastify/swagger';
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import fastifyWebsocket from '@fastify/websocket';
import Fastify, { type FastifyInstance } from 'fastify';
import { errorBodySchema } from '../contract/error-body.ts';
import { API_PREFIX } from '../contract/route.ts';
import { serveAvailability } from './availability.ts';
import { requireSignIn } from './authentication.ts';
import { serveCancelMigration } from './cancel-migration.ts';
import { serveChangeVm } from './change-vm.ts';
import { serveCluster } from './cluster.ts';
import { serveConfirmDead } from './confirm-dead.ts';
import type { ApiContext } from './context.ts';
import { serveCreateVm } from './create-vm.ts';
import { serveDeleteVm } from './delete-vm.ts';
import { answerErrors, describeSchemaErrors } from './error-answer.ts';
import { serveEviction } from './evict-node.ts';
import { serveJoin } from './join.ts';
import { EventHistory, type EventReader } from './event-history.ts';
import { serveEvents } from './events.ts';
import { serveExplainVm } from './explain-vm.ts';
import { serveLive } from './live.ts';
import { serveMigrateVm } from './migrate-vm.ts';
import { serveMigrations } from './migrations.ts';
import { serveNodeFencing } from './node-fencing.ts';
import { serveNodeService } from './node-service.ts';
import { serveNodes } from './nodes.ts';
import { servePower } from './power.ts';
import { ERROR_SCHEMA_ID } from './resource.ts';
import { serveVms } from './vms.ts';

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
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    allowErrorHandlerOverride: false,
    schemaErrorFormatter: describeSchemaErrors,
  });
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  // Plugins and hooks see the plain type; only those who look at sockets need to know that they are TLS.
  const plain = app as unknown as FastifyInstance;
  answerErrors(plain, options.log);
  requireSignIn(plain, options);
  void app.register(fastifyWebsocket, { options: { maxPayload: 1024 } });
  app.addSchema({ ...errorBodySchema, $id: ERROR_SCHEMA_ID });
  void app.register(fastifySwagger, {
    openapi: openApiHead(),
    refResolver: { buildLocalReference: (schema) => schema['$id'] as string },
  });
  const history = new EventHistory(options.store);
  app.addHook('onClose', async () => history.close());
  void app.register(async (api) => serveAll(api as unknown as FastifyInstance, options, history), {
    prefix: API_PREFIX,
  });
  return app;
}

function serveAll(api: FastifyInstance, context: ApiContext, history: EventReader): void {
  serveCluster(api, context);
  serveVms(api, context);
  serveCreateVm(api, context);
  serveDeleteVm(api, context);
  servePower(api, context);
  serveMigrateVm(api, context);
  serveCancelMigration(api, context);
  serveMigrations(api, context);
  serveJoin(api, context);
  serveEviction(api, context);
  serveChangeVm(api, context);
  serveExplainVm(api, context, history);
  serveNodes(api, context, history);
  serveNodeService(api, context, history);
  serveConfirmDead(api, context, history);
  serveNodeFencing(api, context, history);
  serveAvailability(api, context);
  serveEvents(api, history);
  serveLive(api, context, history);
  api.get('/openapi.json', { config: { open: true }, schema: { hide: true } }, () => api.swagger());
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
    components: { securitySchemes: { basic: { type: 'http' as const, scheme: 'basic' } } },
    security: [{ basic: [] }],
  };
}
