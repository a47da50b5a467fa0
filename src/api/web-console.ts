import { randomBytes } from 'node:crypto';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ClusterReader } from '../model/cluster-state.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { API_PREFIX } from '../contract/route.ts';
import { memberOrigins, ownOrigin } from './origins.ts';

/** The built web console on this machine. */
export interface ConsoleFiles {
  /** Absolute. */
  readonly directory: string;
  /** The page as it was built; null: it was not. */
  readPage(): Promise<string | null>;
}

/** In the built page, wherever the browser has to find the nonce of an answer. */
const NONCE_PLACE = '__CSP_NONCE__';
/** Files whose names change with what is in them. */
const HASHED = '/assets/';
const YEAR_SECONDS = 31_536_000;

/** Serves the console at `/`; what is not a file of it is a place in the page, so the page is the answer. */
export function serveConsole(app: FastifyInstance, files: ConsoleFiles, reader: ClusterReader): void {
  void app.register(fastifyStatic, {
    ...{ root: files.directory, serve: false, preCompressed: true, cacheControl: false },
    setHeaders: (response, path) => {
      const hashed = path.includes(HASHED);
      response.header('cache-control', hashed ? `public, max-age=${YEAR_SECONDS}, immutable` : 'no-cache');
      response.header('cross-origin-resource-policy', 'same-origin');
    },
  });
  const page = (request: FastifyRequest, reply: FastifyReply) => sendPage(request, reply, { files, reader });
  app.get('/', { config: { open: true }, schema: { hide: true } }, page);
  app.get('/*', { config: { open: true }, schema: { hide: true } }, async (request, reply) => {
    const [path = '/'] = request.url.split('?');
    if (path.startsWith('/api/')) throw notFound(path);
    const isFile = path.slice(path.lastIndexOf('/')).includes('.') && path !== '/index.html';
    // Somebody who opens a link to an image called "debian.iso" wants the page as well.
    const opensPage = request.headers.accept?.includes('text/html') === true && !path.startsWith(HASHED);
    return isFile && !opensPage ? reply.sendFile(decodeURIComponent(path.slice(1))) : page(request, reply);
  });
}

async function sendPage(
  request: FastifyRequest,
  reply: FastifyReply,
  { files, reader }: { readonly files: ConsoleFiles; readonly reader: ClusterReader },
): Promise<FastifyReply> {
  const nonce = randomBytes(18).toString('base64');
  const others = [...memberOrigins(reader.current())].filter((origin) => origin !== ownOrigin(request));
  void reply.headers({
    'content-security-policy': contentPolicy(nonce, [ownOrigin(request), ...others]),
    'cross-origin-opener-policy': 'same-origin',
    'permissions-policy':
      'accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()',
    'x-frame-options': 'DENY',
  });
  const page = await files.readPage();
  void reply.type('text/html; charset=utf-8');
  if (page === null) return reply.code(503).send(NOT_BUILT);
  return reply.send(page.replaceAll(NONCE_PLACE, nonce));
}

/** Scripts are files of this node, and nothing else; a style element needs the nonce. Style attributes are what the components set sizes with. */
function contentPolicy(nonce: string, origins: readonly string[]): string {
  const reached = origins.flatMap((origin) => [origin, origin.replace(/^https:/, 'wss:')]);
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "style-src-attr 'unsafe-inline'",
    `connect-src 'self' ${reached.join(' ')}`,
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "worker-src 'self' blob:",
    "manifest-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
  ].join('; ');
}

function notFound(path: string): GodwitError {
  return new GodwitError({
    code: 'NOT_FOUND',
    message: `There is no GET ${path}.`,
    state: NOTHING_CHANGED,
    nextStep: `See ${API_PREFIX}/openapi.json for what there is.`,
  });
}

const NOT_BUILT = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Godwit</title>
<h1>The console is not built</h1>
<p>This node has no web console: <code>web/dist</code> is missing. Build it in the directory of Godwit with
<code>npm run build:web</code>, then reload this page. Nothing has to be restarted.</p>
<p>The command line does all that the console does: <code>godwit --help</code>.</p>
</html>
`;
