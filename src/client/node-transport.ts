import { Agent, request as httpsRequest } from 'node:https';
import { parseClusterUrl } from './cluster-url.ts';
import type { LiveConnection, LiveListener, Transport, TransportAnswer, TransportRequest } from './transport.ts';
import { unreachable } from './unreachable.ts';

export interface NodeTransportOptions {
  /** "https://10.78.0.11:8440" */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** Certificate of the cluster's CA (PEM); null: the system's CAs. */
  readonly ca: string | null;
  /** Any node that the CA has given a certificate will do, whatever the address in the URL. */
  readonly anyNode?: true;
  /** For a whole request, in milliseconds; 10 s by default. */
  readonly deadlineMs?: number;
}

export interface NodeTransport extends Transport {
  /** Closes the connections that are kept, so that the process can end. */
  close(): void;
}

/** Talks to an agent from Node.js: TLS, connections kept, Basic authentication. */
export function createNodeTransport(options: NodeTransportOptions): NodeTransport {
  const base = parseClusterUrl(options.url);
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 8,
    ...(options.ca !== null && { ca: options.ca }),
    ...(options.anyNode === true && { checkServerIdentity: () => undefined }),
  });
  const authorization = `Basic ${Buffer.from(`${options.user}:${options.password}`).toString('base64')}`;
  const target: Target = { base, agent, authorization, deadlineMs: options.deadlineMs ?? 10_000 };
  return {
    request: (request) => send(target, request),
    openLive: (path, listener) => openLive(target, { path, ca: options.ca, listener }),
    close: () => agent.destroy(),
  };
}

interface Target {
  readonly base: URL;
  readonly agent: Agent;
  readonly authorization: string;
  readonly deadlineMs: number;
}

function send(target: Target, request: TransportRequest): Promise<TransportAnswer> {
  const text = request.body === undefined ? undefined : JSON.stringify(request.body);
  return new Promise((resolve, reject) => {
    // A request that changes something was perhaps received before the connection broke.
    let connected = false;
    const fail = (error: Error) => reject(noAnswer(target.base, error, request.method !== 'GET' && connected));
    const outgoing = httpsRequest(
      new URL(request.path, target.base),
      {
        method: request.method,
        agent: target.agent,
        signal: AbortSignal.timeout(target.deadlineMs),
        headers: {
          authorization: target.authorization,
          accept: 'application/json',
          ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', fail);
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 0, body: parseJson(Buffer.concat(chunks).toString('utf8')) }),
        );
      },
    );
    outgoing.on('socket', (socket) => {
      connected = outgoing.reusedSocket;
      if (connected) return; // Its handshake is over: the event would never come, and listeners would pile up.
      socket.once('secureConnect', () => {
        connected = true;
      });
    });
    outgoing.on('error', fail);
    outgoing.end(text);
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What OpenSSL says of a chain that ends at an authority it was not told to trust. */
const UNTRUSTED = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
]);

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function noAnswer(base: URL, error: Error, mayHaveArrived: boolean) {
  const timedOut = error.name === 'TimeoutError' || error.name === 'AbortError';
  if (UNTRUSTED.has(codeOf(error))) {
    return unreachable(base.origin, {
      ...{ error, mayHaveArrived, reason: `its certificate is not trusted here (${error.message})` },
      nextStep: "Name the certificate of the cluster's CA, a file, in GODWIT_CA; of a lab, name the lab with --lab.",
    });
  }
  return unreachable(base.origin, {
    error,
    mayHaveArrived,
    reason: timedOut ? 'the deadline passed' : error.message,
    nextStep:
      'Check that the node runs and that its address is reachable from here, or name another node with --cluster.',
  });
}

function openLive(
  target: Target,
  options: { readonly path: string; readonly ca: string | null; readonly listener: LiveListener },
): LiveConnection {
  let close = () => {};
  let closed = false;
  const end = (reason: string) => {
    if (closed) return;
    closed = true;
    options.listener.onClose(reason);
  };
  // Only those who follow something live pay for loading ws.
  void import('ws').then(({ WebSocket }) => {
    if (closed) return;
    const url = new URL(options.path, target.base);
    url.protocol = 'wss:';
    const socket = new WebSocket(url, {
      headers: { authorization: target.authorization },
      handshakeTimeout: target.deadlineMs,
      ...(options.ca !== null && { ca: options.ca }),
    });
    close = () => socket.terminate();
    socket.on('message', (data: Buffer) => options.listener.onMessage(data.toString('utf8')));
    socket.on('error', (error) => end(error.message));
    socket.on('close', (code, reason) => end(reason.toString() || `the connection was closed (${code})`));
  });
  return {
    close: () => {
      end('closed by this side');
      close();
    },
  };
}
