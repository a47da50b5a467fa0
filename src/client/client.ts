import { LIVE_PATH, type LiveMessage } from '../contract/live.ts';
import { type InputOf, path, type PathParts, type ResponseOf, type Route } from '../contract/route.ts';
import { answeredError } from './answered-error.ts';
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
  /** `code`: as in `src/contract/live.ts`, where the channel had opened. */
  onClose(reason: string, code?: number): void;
}

/** The input may be left out where nothing in it is required. */
type InputArguments<R extends Route> = object extends InputOf<R> ? [input?: InputOf<R>] : [input: InputOf<R>];

export function createClient(transport: Transport): Client {
  return {
    async call<R extends Route>(route: R, ...[input]: InputArguments<R>): Promise<ResponseOf<R>> {
      const given = (input ?? {}) as PathParts & { readonly body?: unknown };
      const answer = await transport.request({ method: route.method, path: path(route, given), body: given.body });
      if (route.response[answer.status] !== undefined) return answer.body as ResponseOf<R>;
      throw answeredError(answer.status, answer.body);
    },
    live: (listener) =>
      transport.openLive(LIVE_PATH, {
        onMessage: (text) => listener.onMessage(JSON.parse(text) as LiveMessage),
        onClose: (reason, code) => listener.onClose(reason, code),
      }),
  };
}
