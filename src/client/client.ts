import { GodwitError, type RestErrorBody } from '../contract/error-body.ts';
import { LIVE_PATH, type LiveMessage } from '../contract/live.ts';
import { type InputOf, path, type PathParts, type ResponseOf, type Route } from '../contract/route.ts';
import type { LiveConnection, Transport } from './transport.ts';

/** Typed access to one cluster: `await client.call(getVm, { params: { name: 'WebServer' } })`. */
export interface Client {
  /** Resolves with the answer's body; throws the GodwitError that the cluster answered, or CLUSTER_UNREACHABLE. */
  call<R extends Route>(route: R, ...input: InputArguments<R>): Promise<ResponseOf<R>>;
  /** Opens the live channel. It does not reconnect by itself. */
  live(listener: LiveMessages): LiveConnection;
}

export interface LiveMessages {
  onMessage(message: LiveMessage): void;
  onClose(reason: string): void;
}

/** The input may be left out where nothing in it is required. */
type InputArguments<R extends Route> = object extends InputOf<R> ? [input?: InputOf<R>] : [input: InputOf<R>];

export function createClient(transport: Transport): Client {
  return {
    async call<R extends Route>(route: R, ...[input]: InputArguments<R>): Promise<ResponseOf<R>> {
      const given = (input ?? {}) as PathParts & { readonly body?: unknown };
      const answer = await transport.request({ method: route.method, path: path(route, given), body: given.body });
      if (route.response[answer.status] !== undefined) return answer.body as ResponseOf<R>;
      throw asError(answer.status, answer.body);
    },
    live: (listener) =>
      transport.openLive(LIVE_PATH, {
        onMessage: (text) => listener.onMessage(JSON.parse(text) as LiveMessage),
        onClose: (reason) => listener.onClose(reason),
      }),
  };
}

/** The error in the answer, with the request's id among its details. */
function asError(status: number, body: unknown): GodwitError {
  if (isErrorBody(body)) {
    const { requestId, ...error } = body;
    return new GodwitError({ ...error, details: { ...error.details, requestId } });
  }
  return new GodwitError({
    code: 'CLUSTER_UNREACHABLE',
    message: `The address answered with HTTP status ${status} and nothing that Godwit says.`,
    state: 'Unknown: whatever answered is not a Godwit agent.',
    nextStep: 'Check the URL of the cluster.',
  });
}

function isErrorBody(body: unknown): body is RestErrorBody {
  if (body === null || typeof body !== 'object') return false;
  const { code, message, state, nextStep } = body as Record<string, unknown>;
  return [code, message, state, nextStep].every((field) => typeof field === 'string');
}
