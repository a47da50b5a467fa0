import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CSRF_HEADER, SESSION_COOKIE, TICKET_PROTOCOL_PREFIX } from '../contract/session.ts';
import type { ClusterReader } from '../model/cluster-state.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { claimedOrigin, isMemberOrigin, ownOrigin } from './origins.ts';
import type { Credential, PasswordCheck } from './password-check.ts';
import { type OpenedSession, sameText, type Sessions } from './sessions.ts';
import type { Tickets } from './tickets.ts';

/** What tells who a request comes from. */
export interface Authentication {
  readonly check: PasswordCheck;
  readonly sessions: Sessions;
  readonly tickets: Tickets;
  readonly reader: ClusterReader;
}

/**
 * Every request but those to open routes must say who it comes from: by name and password (HTTP Basic; command line and scripts), by
 * the cookie of a session, by the session's relay (`Bearer`), or, a WebSocket only, by a ticket.
 * Where a browser acts, the page must be the cluster's as well.
 */
export function requireSignIn(app: FastifyInstance, authentication: Authentication): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config.open === true) return;
    const found = await identify(request, reply, authentication);
    if (found === null) throw notSignedIn(request, reply);
    refuseForeignPages(request, found, authentication.reader);
    if (found.sessionId !== null) identified.set(request.raw, found);
  });
}

type How = 'password' | 'cookie' | 'relay' | 'ticket';

interface Identified {
  readonly how: How;
  readonly sessionId: string | null;
  /** Null for one who came with a ticket or a password. */
  readonly opened: OpenedSession | null;
}

/** By Node.js's own request, which is all that a WebSocket knows. */
const identified = new WeakMap<FastifyRequest['raw'], Identified>();

/** Of a request that has passed: null for one that came by password or ticket. */
export function openedSession({ raw }: FastifyRequest): OpenedSession | null {
  return identified.get(raw)?.opened ?? null;
}

/** Of a request that has passed: null for one that came by password. */
export function sessionIdOf(raw: FastifyRequest['raw']): string | null {
  return identified.get(raw)?.sessionId ?? null;
}

async function identify(
  request: FastifyRequest,
  reply: FastifyReply,
  { check, sessions, tickets }: Authentication,
): Promise<Identified | null> {
  const { authorization } = request.headers;
  const credential = basicCredential(authorization);
  if (credential !== null) {
    return (await check(credential, { request, reply })) ? { how: 'password', sessionId: null, opened: null } : null;
  }
  const relay = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1];
  if (relay !== undefined) return asIdentified('relay', await sessions.byRelay(relay));
  const ticket = isWebSocket(request) ? offeredTicket(request) : null;
  if (ticket !== null) {
    const sessionId = tickets.take(ticket);
    return sessionId === null || !sessions.lives(sessionId) ? null : { how: 'ticket', sessionId, opened: null };
  }
  const cookie = cookieOf(request);
  return cookie === null ? null : asIdentified('cookie', await sessions.byCookie(cookie));
}

function asIdentified(how: How, opened: OpenedSession | null): Identified | null {
  return opened === null ? null : { how, sessionId: opened.session.id, opened };
}

/** Throws REQUEST_NOT_TRUSTED if another site's page lets the browser of somebody who has signed in do something. */
function refuseForeignPages(request: FastifyRequest, { how, opened }: Identified, reader: ClusterReader): void {
  const webSocket = isWebSocket(request);
  if (!webSocket && SAFE_METHODS.has(request.method)) return;
  const origin = claimedOrigin(request);
  const own = ownOrigin(request);
  if (how === 'cookie') {
    // A browser names the origin with each of these requests.
    if (origin !== own) throw foreign(origin);
    const csrf = request.headers[CSRF_HEADER];
    // A WebSocket cannot have the header; its origin cannot be made up by a page.
    if (!webSocket && !(typeof csrf === 'string' && sameText(csrf, opened?.secrets.csrf ?? ''))) throw withoutToken();
    return;
  }
  if (origin !== null && origin !== own && !isMemberOrigin(reader, origin)) throw foreign(origin);
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

export function isWebSocket(request: FastifyRequest): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket';
}

/** Throws REQUEST_NOT_TRUSTED for a page of any other origin. */
export function requireOwnPage(request: FastifyRequest): void {
  const origin = claimedOrigin(request);
  if (origin !== null && origin !== ownOrigin(request)) throw foreign(origin);
}

function foreign(origin: string | null): GodwitError {
  return new GodwitError({
    code: 'REQUEST_NOT_TRUSTED',
    message:
      origin === null
        ? 'The request does not say from which page it comes.'
        : `The request comes from a page of ${origin}, which is not this cluster's.`,
    state: NOTHING_CHANGED,
    nextStep: 'Open the console under the address of a node, and try again there.',
  });
}

function withoutToken(): GodwitError {
  return new GodwitError({
    code: 'REQUEST_NOT_TRUSTED',
    message: `The request does not have the session's token (${CSRF_HEADER}).`,
    state: NOTHING_CHANGED,
    nextStep: 'Reload the page.',
  });
}

function notSignedIn(request: FastifyRequest, reply: FastifyReply): GodwitError {
  const { authorization } = request.headers;
  const isBasic = basicCredential(authorization) !== null;
  // A browser would ask for a name and a password in a window of its own, and keep them.
  if (request.headers['sec-fetch-mode'] === undefined) {
    void reply.header('www-authenticate', 'Basic realm="godwit", charset="UTF-8"');
  }
  return new GodwitError({
    code: 'NOT_SIGNED_IN',
    message: isBasic
      ? 'The name or the password is wrong.'
      : authorization === undefined && cookieOf(request) === null
        ? 'The request has no name and password.'
        : 'The session has ended.',
    state: NOTHING_CHANGED,
    nextStep: "Sign in with the administrator's name and password.",
  });
}

function basicCredential(authorization: string | undefined): Credential | null {
  const match = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(authorization ?? '');
  if (match === null) return null;
  const text = Buffer.from(match[1] ?? '', 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

function cookieOf(request: FastifyRequest): string | null {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const [name, value = ''] = part.trim().split('=');
    if (name === SESSION_COOKIE && value !== '') return value;
  }
  return null;
}

function offeredTicket(request: FastifyRequest): string | null {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
  const ticket = offered.find((protocol) => protocol.startsWith(TICKET_PROTOCOL_PREFIX));
  return ticket === undefined ? null : ticket.slice(TICKET_PROTOCOL_PREFIX.length);
}
