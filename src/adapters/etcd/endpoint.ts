import { isIPv6 } from 'node:net';
import {
  type ChannelCredentials,
  type ClientOptions,
  connectivityState,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import type { Clock } from '../../ports/clock.ts';
import { ClusterClient, KVClient, MaintenanceClient, WatchClient } from './generated/rpc.ts';

export interface EndpointAddress {
  /** Name of the member, which its certificate carries as a DNS name. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** One member of the store and the one channel to it. */
export interface Endpoint extends EndpointAddress {
  /** True once the channel is connected; false if it is not within `timeoutMs`, at once while the member refuses. */
  connected(timeoutMs: number): Promise<boolean>;
  clients(): EndpointClients;
  close(): void;
}

export interface EndpointClients {
  readonly kv: KVClient;
  readonly watch: WatchClient;
  readonly maintenance: MaintenanceClient;
  readonly cluster: ClusterClient;
}

const STUCK_AFTER_MS = 10_000;

const CHANNEL_OPTIONS: ClientOptions = {
  // A transaction is sent again only by our own rules (transaction-attempts.ts).
  'grpc.enable_retries': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  // Our etcd runs with --grpc-keepalive-min-time=1s; another would drop clients that ping this often.
  'grpc.keepalive_time_ms': 2000,
  'grpc.keepalive_timeout_ms': 1000,
  'grpc.keepalive_permit_without_calls': 1,
  // Otherwise a channel made anew would get the old one's connection back from a pool.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.max_receive_message_length': -1,
};

/** A member that knows of no leader answers with an error instead of waiting, and ends its watches. */
export const REQUIRE_LEADER = new Metadata();
REQUIRE_LEADER.set('hasleader', 'true');

export function createEndpoint(address: EndpointAddress, credentials: ChannelCredentials, clock: Clock): Endpoint {
  let clients = connect(address, credentials);
  let notReadySinceMs: number | undefined;
  let closed = false;

  const state = (): connectivityState => clients.kv.getChannel().getConnectivityState(true);

  /** The state now; a channel that is not ready for long is replaced, because some never recover (grpc-node#2785). */
  function observe(): connectivityState {
    const current = state();
    if (current === connectivityState.READY) {
      notReadySinceMs = undefined;
      return current;
    }
    notReadySinceMs ??= clock.monotonicMs();
    if (clock.monotonicMs() - notReadySinceMs < STUCK_AFTER_MS) return current;
    disconnect(clients);
    clients = connect(address, credentials);
    notReadySinceMs = clock.monotonicMs();
    return state();
  }

  return {
    ...address,
    clients: () => clients,
    async connected(timeoutMs) {
      const giveUpAtMs = clock.monotonicMs() + timeoutMs;
      while (!closed) {
        const current = observe();
        if (current === connectivityState.READY) return true;
        const remainingMs = giveUpAtMs - clock.monotonicMs();
        if (current === connectivityState.TRANSIENT_FAILURE || remainingMs <= 0) return false;
        await stateChange(clients.kv, current, remainingMs);
      }
      return false;
    },
    close() {
      closed = true;
      disconnect(clients);
    },
  };
}

/** Starts a call with a deadline and waits for its answer. */
export async function callMember<Answer>(
  timeoutMs: number,
  start: (deadline: Date, done: (error: ServiceError | null, answer: Answer) => void) => unknown,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    start(new Date(Date.now() + timeoutMs), (error, answer) => {
      if (error === null) resolve(answer);
      else reject(error);
    });
  });
}

const MALFORMED: ReadonlySet<unknown> = new Set([status.INVALID_ARGUMENT, status.UNIMPLEMENTED]);
const REFUSED: ReadonlySet<unknown> = new Set([
  status.RESOURCE_EXHAUSTED,
  status.PERMISSION_DENIED,
  status.UNAUTHENTICATED,
  status.FAILED_PRECONDITION,
]);
// Both are said before the member proposes the transaction to the others. All else, and above all
// "request timed out" and "leader changed", is said while it may be under way.
const NOT_PROPOSED: ReadonlySet<unknown> = new Set(['etcdserver: no leader', 'raft proposal dropped']);

/** What an error of a call that was started on a connected channel proves about a transaction. */
export function classifyFailure(error: unknown): 'not-applied' | 'refused' | 'malformed' | 'lost' {
  const { code, details } = error as Partial<ServiceError>;
  if (MALFORMED.has(code)) return 'malformed';
  if (REFUSED.has(code)) return 'refused';
  return NOT_PROPOSED.has(details) ? 'not-applied' : 'lost';
}

function connect(address: EndpointAddress, credentials: ChannelCredentials): EndpointClients {
  const host = isIPv6(address.address) ? `[${address.address}]` : address.address;
  const target = `${host}:${address.port}`;
  const options = { ...CHANNEL_OPTIONS, 'grpc.ssl_target_name_override': address.name };
  const kv = new KVClient(target, credentials, options);
  const shared = { ...options, channelOverride: kv.getChannel() };
  return {
    kv,
    watch: new WatchClient(target, credentials, shared),
    maintenance: new MaintenanceClient(target, credentials, shared),
    cluster: new ClusterClient(target, credentials, shared),
  };
}

function disconnect(clients: EndpointClients): void {
  clients.kv.close();
}

function stateChange(client: KVClient, from: connectivityState, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    // Ends with an error at the deadline; the caller looks at the clock itself.
    client.getChannel().watchConnectivityState(from, new Date(Date.now() + timeoutMs), () => resolve());
  });
}
