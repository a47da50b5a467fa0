import { type Static, Type } from 'typebox';
import { route } from './route.ts';
import { exact, isoTime, list, ms } from './shapes.ts';

/**
 * Signing in from a browser. The session is a cookie that scripts do not see ({@link SESSION_COOKIE}); it holds for the node
 * that set it, or rather for its address. At the addresses of other nodes the page shows `relay` instead, as
 * `Authorization: Bearer RELAY`: one session, known to every node.
 */
export const SESSION_COOKIE = '__Host-godwit';

/** A cookie that scripts do see, as long as there may be a session: a page without it need not ask for one. It proves nothing. */
export const SIGNED_IN_MARKER = '__Host-godwit-signed-in';

/** Header with the session's `csrf` on every request by cookie that changes something; without it such a request is refused. */
export const CSRF_HEADER = 'x-godwit-csrf';

/**
 * Sub-protocol of every WebSocket of the API. One that cannot come with the cookie (another node's) offers a second one besides:
 * {@link TICKET_PROTOCOL_PREFIX} and a ticket. The server always chooses the first that is no ticket.
 */
export const WEBSOCKET_PROTOCOL = 'godwit';
export const TICKET_PROTOCOL_PREFIX = 'godwit-ticket.';

export const sessionViewSchema = exact({
  user: Type.String(),
  /** The node that answers. */
  node: Type.String(),
  /** For {@link CSRF_HEADER}. The same as long as the session. */
  csrf: Type.String(),
  /** For other nodes. A secret: keep it in memory, never in a URL or in the browser's storage. */
  relay: Type.String(),
  createdAt: isoTime,
  /** When it ends whatever happens. */
  expiresAt: isoTime,
  /** It ends earlier if it is not used for so long. */
  idleLimitMs: ms,
  /** false: the cluster's database could not be reached, so only the node that made the session knows it. */
  everywhere: Type.Boolean(),
  /** Where the page may go on if this node falls silent: the best first, the one that answers is the first of all. */
  nodes: list(
    exact({
      name: Type.String(),
      /** Origins ("https://10.78.0.11:8440") under which it is reached, first that on the network over which this request came. */
      urls: list(Type.String()),
    }),
  ),
});
export type SessionView = Static<typeof sessionViewSchema>;

export const signIn = route({
  method: 'POST',
  path: '/session',
  summary: 'Signs in: sets the cookie of a new session. Only for a page that this node serves.',
  signedIn: false,
  body: exact({ user: Type.String({ maxLength: 200 }), password: Type.String({ maxLength: 1000 }) }),
  response: { 201: sessionViewSchema },
});

export const getSession = route({
  method: 'GET',
  path: '/session',
  summary: 'Who is signed in, by cookie or relay.',
  response: { 200: sessionViewSchema },
});

export const signOut = route({
  method: 'DELETE',
  path: '/session',
  summary: 'Ends the session on all nodes and deletes its cookie.',
  response: { 200: exact({ user: Type.String() }) },
});

export const createTicket = route({
  method: 'POST',
  path: '/session/ticket',
  summary: 'A ticket that opens one WebSocket at this node, within a few seconds.',
  response: {
    201: exact({
      ticket: Type.String(),
      /** For how long it can be used. */
      validForMs: ms,
    }),
  },
});
