import { API_PREFIX } from '../contract/route.ts';
import { CSRF_HEADER, createTicket, TICKET_PROTOCOL_PREFIX, WEBSOCKET_PROTOCOL } from '../contract/session.ts';
import { answeredError } from './answered-error.ts';
import type { LiveConnection, LiveListener, Transport, TransportAnswer, TransportRequest } from './transport.ts';
import { unreachable } from './unreachable.ts';

/**
 * How the page proves who has signed in. `cookie`: at the node that served the page, where the browser sends the cookie by
 * itself. `relay`: at any other node. Both are asked at each request, so that a new session counts at once; null: none yet.
 */
export type BrowserProof =
  | { readonly kind: 'cookie'; csrf(): string | null }
  | { readonly kind: 'relay'; relay(): string | null };

export interface BrowserTransportOptions {
  /** "https://10.78.0.11:8440"; for `cookie` the page's own. */
  readonly origin: string;
  readonly proof: BrowserProof;
  /** For a whole request, in milliseconds; 10 s by default. */
  readonly deadlineMs?: number;
}

export interface BrowserTransport extends Transport {
  readonly origin: string;
  /** What a request needs beside its own headers, for those who send one themselves (an upload with progress). */
  headers(method: string): Record<string, string>;
  /** Opens a WebSocket of the API, such as a console; at another node it fetches a ticket first. Throws CLUSTER_UNREACHABLE or what the node answers. */
  openSocket(path: string): Promise<WebSocket>;
}

const DEADLINE_MS = 10_000;

/** Talks to an agent from a browser. */
export function createBrowserTransport(options: BrowserTransportOptions): BrowserTransport {
  const transport: BrowserTransport = {
    origin: options.origin,
    headers: (method) => proofHeaders(options.proof, method),
    request: (request) => send(options, request),
    openSocket: (path) => openSocket(options, path),
    openLive: (path, listener) => openLive(options, path, listener),
  };
  return transport;
}

function proofHeaders(proof: BrowserProof, method: string): Record<string, string> {
  if (proof.kind === 'relay') {
    const relay = proof.relay();
    return relay === null ? {} : { authorization: `Bearer ${relay}` };
  }
  const csrf = method === 'GET' ? null : proof.csrf();
  return csrf === null ? {} : { [CSRF_HEADER]: csrf };
}

async function send(options: BrowserTransportOptions, request: TransportRequest): Promise<TransportAnswer> {
  const { origin, proof, deadlineMs = DEADLINE_MS } = options;
  const { method, path, body } = request;
  try {
    const answer = await fetch(new URL(path, origin), {
      method,
      headers: {
        accept: 'application/json',
        ...proofHeaders(proof, method),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      // Never to another origin: there the relay speaks for the session.
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      signal: AbortSignal.timeout(deadlineMs),
    });
    return { status: answer.status, body: parseJson(await answer.text()) };
  } catch (error) {
    // A browser does not say whether the request had left before it failed.
    throw noAnswer(origin, error, method !== 'GET');
  }
}

function noAnswer(origin: string, error: unknown, mayHaveArrived: boolean) {
  const { name = '', message = '' } = error instanceof Error ? error : {};
  const timedOut = name === 'TimeoutError' || name === 'AbortError';
  return unreachable(origin, {
    error,
    mayHaveArrived,
    reason: timedOut ? 'the deadline passed' : message || 'the connection failed',
    nextStep: 'Check that the node runs and that its address is reachable from here, or use another node.',
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function openSocket(options: BrowserTransportOptions, path: string): Promise<WebSocket> {
  const url = new URL(path, options.origin);
  url.protocol = 'wss:';
  if (options.proof.kind === 'cookie') return new WebSocket(url, [WEBSOCKET_PROTOCOL]);
  const ticket = await fetchTicket(options);
  return new WebSocket(url, [WEBSOCKET_PROTOCOL, `${TICKET_PROTOCOL_PREFIX}${ticket}`]);
}

async function fetchTicket(options: BrowserTransportOptions): Promise<string> {
  const { method } = createTicket;
  const { status, body } = await send(options, { method, path: `${API_PREFIX}${createTicket.path}`, body: undefined });
  const ticket = (body as { readonly ticket?: unknown } | undefined)?.ticket;
  if (status === 201 && typeof ticket === 'string') return ticket;
  throw answeredError(status, body);
}

function openLive(options: BrowserTransportOptions, path: string, listener: LiveListener): LiveConnection {
  let close = () => {};
  let closed = false;
  const end = (reason: string, code?: number) => {
    if (closed) return;
    closed = true;
    listener.onClose(reason, code);
  };
  void openSocket(options, path).then(
    (socket) => {
      close = () => socket.close();
      if (closed) return close();
      const deadline = setTimeout(() => {
        end('the deadline passed');
        close();
      }, options.deadlineMs ?? DEADLINE_MS);
      socket.addEventListener('open', () => clearTimeout(deadline));
      socket.addEventListener('message', ({ data }) => {
        if (!closed) listener.onMessage(String(data));
      });
      socket.addEventListener('close', ({ code, reason }) => {
        clearTimeout(deadline);
        end(reason || `the connection was closed (${code})`, code);
      });
    },
    (error: unknown) => end(error instanceof Error ? error.message : String(error)),
  );
  return {
    close: () => {
      end('closed by this side');
      close();
    },
  };
}
