/**
 * What goes over the link between two agents, one JSON text per WebSocket message:
 * `{id, method, request}` one way, `{id, response}` or `{id, error}` the other.
 */
import { ERROR_CODES, type ErrorBody, type ErrorCode } from '../../model/errors.ts';
import type { PeerMethod } from '../../ports/peers.ts';

/** Longest message in bytes. Definitions and intents are a few KiB. */
export const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;

/** Header of the upgrade request: the random id of the calling agent's link, so that a call that comes over two paths is known as one. */
export const LINK_ID_HEADER = 'godwit-link';
/** Header of the upgrade request: the boot id of the calling node, for the log. */
export const BOOT_ID_HEADER = 'godwit-boot';

/** Header of a refusal: {@link REFUSED_REVOKED} tells a node for certain that it was removed from the cluster. */
export const REFUSED_HEADER = 'godwit-refused';
export const REFUSED_REVOKED = 'certificate-revoked';

const PEER_METHODS: Readonly<Record<PeerMethod, true>> = {
  ping: true,
  promise: true,
  'renew-certificate': true,
  clock: true,
  'prepare-destination': true,
  'destination-status': true,
  'discard-destination': true,
  'guest-stopped': true,
  'watch-guest': true,
  'open-probe-port': true,
  'close-probe-port': true,
  'traffic-report': true,
  go: true,
};

export function isPeerMethod(text: string): text is PeerMethod {
  return Object.hasOwn(PEER_METHODS, text);
}

export interface CallMessage {
  readonly id: number;
  /** As received; {@link isPeerMethod} tells whether there is such a request. */
  readonly method: string;
  readonly request: unknown;
}

export type AnswerMessage =
  | { readonly id: number; readonly response: unknown }
  | { readonly id: number; readonly error: ErrorBody };

export function encodeCall(id: number, method: PeerMethod, request: unknown): string {
  return JSON.stringify({ id, method, request });
}

export function encodeAnswer(answer: AnswerMessage): string {
  return JSON.stringify(answer);
}

/** Undefined if the text is not a call. */
export function decodeCall(text: string): CallMessage | undefined {
  const message = parseObject(text);
  if (message === undefined || typeof message['id'] !== 'number' || typeof message['method'] !== 'string') {
    return undefined;
  }
  return { id: message['id'], method: message['method'], request: message['request'] };
}

/** Undefined if the text is not an answer. An error of an unknown shape, e.g. from a newer agent, becomes INTERNAL. */
export function decodeAnswer(text: string): AnswerMessage | undefined {
  const message = parseObject(text);
  if (message === undefined || typeof message['id'] !== 'number') return undefined;
  if (message['error'] !== undefined) return { id: message['id'], error: toKnownError(message['error']) };
  return 'response' in message ? { id: message['id'], response: message['response'] } : undefined;
}

function toKnownError(value: unknown): ErrorBody {
  const body = isObject(value) ? value : {};
  const { code, message, state, nextStep, details } = body;
  return {
    code: typeof code === 'string' && Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : 'INTERNAL',
    message: typeof message === 'string' ? message : 'The other agent reported an error without a message.',
    state: typeof state === 'string' ? state : 'Unknown.',
    nextStep: typeof nextStep === 'string' ? nextStep : "Look at the other agent's log.",
    ...(isObject(details) ? { details } : {}),
  };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
