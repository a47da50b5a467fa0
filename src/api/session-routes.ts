import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  createTicket,
  getSession,
  SESSION_COOKIE,
  type SessionView,
  SIGNED_IN_MARKER,
  signIn,
  signOut,
} from '../contract/session.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { type Authentication, openedSession, requireOwnPage } from './authentication.ts';
import type { ApiContext } from './context.ts';
import { ownOrigin, placesToGoOn } from './origins.ts';
import { addressOf } from './password-check.ts';
import { answer, serve } from './resource.ts';
import { type OpenedSession, SESSION_IDLE_MS, SESSION_MAX_MS } from './sessions.ts';
import { TICKET_VALID_MS } from './tickets.ts';
import { shownNow } from './views.ts';

/** Signing in and out from a browser, and what a page needs to go on at another node. */
export function serveSession(app: FastifyInstance, context: ApiContext, authentication: Authentication): void {
  const { check, sessions, tickets } = authentication;
  serve(app, signIn, async ({ body }, { request, reply }) => {
    // Another site's page could let its visitor sign in here as somebody else.
    requireOwnPage(request);
    if (!(await check(body, { request, reply }))) throw signInFailed();
    const opened = await sessions.open(body.user);
    setCookies(reply, opened.secrets.cookie ?? '', SESSION_MAX_MS / 1000);
    context.log.info('Somebody has signed in', { user: body.user, address: addressOf(request) });
    return answer(201, sessionView(context, request, opened));
  });
  serve(app, getSession, (_call, { request }) => answer(200, sessionView(context, request, requireSession(request))));
  serve(app, createTicket, (_call, { request }) => {
    const { session } = requireSession(request);
    return answer(201, { ticket: tickets.give(session.id), validForMs: TICKET_VALID_MS });
  });
  serve(app, signOut, async (_call, { request, reply }) => {
    const { session } = requireSession(request);
    setCookies(reply, '', 0);
    if (!(await sessions.end(session.id)) && session.everywhere)
      throw onlyEndedHere(context.nodeName, session.record.expiresAt);
    return answer(200, { user: session.record.user });
  });
}

/** `__Host-` in a name: browsers take the cookie only as it is here, and no other host can set it. */
function setCookies(reply: FastifyReply, value: string, maxAgeSeconds: number): void {
  const rest = `Path=/; Secure; SameSite=Strict; Max-Age=${maxAgeSeconds}`;
  void reply.header('set-cookie', [
    `${SESSION_COOKIE}=${value}; HttpOnly; ${rest}`,
    `${SIGNED_IN_MARKER}=${value === '' ? '' : 'yes'}; ${rest}`,
  ]);
}

function sessionView(context: ApiContext, request: FastifyRequest, { session, secrets }: OpenedSession): SessionView {
  const { user, createdAt, expiresAt } = session.record;
  return {
    ...{ user, createdAt, expiresAt, node: context.nodeName, idleLimitMs: SESSION_IDLE_MS },
    ...{ csrf: secrets.csrf, relay: secrets.relay, everywhere: session.everywhere },
    nodes: placesToGoOn(shownNow(context.reader), context.nodeName, ownOrigin(request)),
  };
}

function requireSession(request: FastifyRequest): OpenedSession {
  const opened = openedSession(request);
  if (opened !== null) return opened;
  throw new GodwitError({
    code: 'NOT_SIGNED_IN',
    message: 'The request comes with a name and a password, not with a session.',
    state: NOTHING_CHANGED,
    nextStep: `A session is made by ${signIn.method} ${signIn.path}; without a browser none is needed.`,
  });
}

function signInFailed(): GodwitError {
  return new GodwitError({
    code: 'SIGN_IN_FAILED',
    message: 'The name or the password is wrong.',
    state: NOTHING_CHANGED,
    nextStep: "Try again with the administrator's name and password.",
  });
}

function onlyEndedHere(node: string, expiresAt: string): GodwitError {
  return new GodwitError({
    code: 'STORE_OUTCOME_UNKNOWN',
    message: 'The cluster database did not say whether it has deleted the session.',
    state: `You are signed out in this browser and on ${node}. Other nodes may know the session until ${expiresAt}.`,
    nextStep: 'Nothing, if nobody else uses this browser.',
  });
}
