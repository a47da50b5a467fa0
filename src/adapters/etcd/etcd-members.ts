import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { credentials } from '@grpc/grpc-js';
import type { Revision } from '../../model/names.ts';
import type { Clock } from '../../ports/clock.ts';
import type { StoreMember, Transaction } from '../../ports/store.ts';
import type { StoreHistory } from '../../ports/store-history.ts';
import { believeAnswer, revisionOf, startTransaction } from './believe-answer.ts';
import {
  callMember,
  classifyFailure,
  createEndpoint,
  type Endpoint,
  type EndpointAddress,
  REQUIRE_LEADER,
} from './endpoint.ts';
import { createEndpointRotation } from './endpoint-rotation.ts';
import { decodeSeen, encodeLook, isOlder, type SeenEntry } from './etcd-messages.ts';
import {
  type RangeRequest,
  type RangeResponse,
  StatusRequest,
  type StatusResponse,
  type TxnRequest,
  type TxnResponse,
} from './generated/rpc.ts';
import type { Answer } from './transaction-attempts.ts';

export interface EtcdStoreOptions {
  readonly endpoints: readonly EndpointAddress[];
  /** Name of the member on this machine, which is asked first. */
  readonly localFirst?: string;
  /** PEM. The certificate is for client use; the members' certificates carry their names. */
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Serial number of a member's certificate, hexadecimal: whether nobody accepts it any more. */
  readonly isRevoked?: (serial: string) => boolean;
  /** Whether the store is still the one that was known. Without it, every answer is believed. */
  readonly history?: StoreHistory;
  readonly clock: Clock;
}

interface Identity {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** The members, the order in which they are asked, and the calls to one of them. */
export interface EtcdMembers {
  count(): number;
  order(): readonly Endpoint[];
  /** The members over and over, each round in the order of the moment. */
  inTurn(): Generator<Endpoint, never>;
  failed(endpoint: Endpoint): void;
  /** The newest revision seen in any answer. */
  newestRevision(): Revision;
  /** The store has gone back in time: every call fails, and nothing that a member says may be believed. */
  hasGoneBack(): boolean;
  /** Throws if there is no answer within the time. */
  range(endpoint: Endpoint, request: RangeRequest, timeoutMs: number): Promise<RangeResponse>;
  /** Throws only for a transaction that no member would ever accept. */
  write(endpoint: Endpoint, request: TxnRequest, timeoutMs: number): Promise<Answer>;
  look(endpoint: Endpoint, lost: Transaction, timeoutMs: number): Promise<readonly SeenEntry[] | undefined>;
  /** Throws STORE_UNAVAILABLE when the store has gone back in time: its members are those of another store. */
  statuses(): Promise<readonly StoreMember[]>;
  /** Other members from now on; channels to those that stay are kept. An empty list is ignored. */
  useMembers(addresses: readonly EndpointAddress[]): void;
  /** PEM. Channels are made anew with it. */
  useIdentity(identity: Identity): void;
  /** A channel of its own, for a member that must not be asked for data. The caller closes it. */
  openEndpoint(address: EndpointAddress): Endpoint;
  close(): void;
}

const CONNECT_MS = 300;
const STATUS_MS = 1000;
const PROBE_EVERY_MS = 1000;

export function connectToMembers(options: EtcdStoreOptions): EtcdMembers {
  const pool = createMemberPool(options);
  const { call, order } = pool;

  const transaction = (endpoint: Endpoint, request: TxnRequest, { through, timeoutMs }: CallTerms) =>
    call<TxnResponse>(endpoint, { through, timeoutMs }, startTransaction(endpoint, request));

  return {
    count: () => pool.endpoints().length,
    order,
    *inTurn() {
      for (;;) yield* order();
    },
    failed: pool.failed,
    newestRevision: pool.newestRevision,
    hasGoneBack: () => (options.history?.goneBack() ?? null) !== null,
    range: (endpoint, request, timeoutMs) =>
      call<RangeResponse>(endpoint, { through: 'read', timeoutMs }, (deadline, done) =>
        endpoint.clients().kv.range(request, REQUIRE_LEADER, { deadline }, done),
      ),
    write: (endpoint, request, timeoutMs) =>
      transaction(endpoint, request, { through: request.success.length > 0 ? 'log' : 'read', timeoutMs }).then(
        toAnswer,
        (error: unknown) => toFailedAnswer(endpoint, error),
      ),
    look: (endpoint, lost, timeoutMs) =>
      transaction(endpoint, encodeLook(lost), { through: 'read', timeoutMs }).then(decodeSeen, () => undefined),
    async statuses() {
      const goneBack = options.history?.goneBack() ?? null;
      if (goneBack !== null) throw goneBack;
      return Promise.all(pool.endpoints().map((endpoint) => askStatus(endpoint, options.clock)));
    },
    useMembers: pool.useMembers,
    useIdentity: pool.useIdentity,
    openEndpoint: pool.openEndpoint,
    close() {
      for (const endpoint of pool.endpoints()) endpoint.close();
    },
  };
}

interface CallTerms {
  /** `log`: it may write. */
  readonly through: 'log' | 'read';
  readonly timeoutMs: number;
}

/** The endpoints and what is known about each from the calls to it. */
function createMemberPool(options: EtcdStoreOptions) {
  const { clock, history } = options;
  const verify = { checkServerIdentity: checkMember(options.isRevoked) };
  let secure = credentials.createSsl(options.ca, options.key, options.cert, verify);
  const openEndpoint = (address: EndpointAddress) => createEndpoint(address, secure, clock);
  const endpoints = new Map(options.endpoints.map((one) => [one.name, openEndpoint(one)]));
  const rotation = createEndpointRotation([...endpoints.keys()], options.localFirst);
  const probedAtMs = new Map<string, number>();
  let newestRevision: Revision = '0';

  /** Members that failed are asked again beside the calls, so that no call has to find out. */
  function probeSuspects(): void {
    const nowMs = clock.monotonicMs();
    for (const name of rotation.suspects()) {
      const endpoint = endpoints.get(name);
      if (endpoint === undefined || nowMs - (probedAtMs.get(name) ?? -Infinity) < PROBE_EVERY_MS) continue;
      probedAtMs.set(name, nowMs);
      void askStatus(endpoint, clock).then((member) => {
        if (member.healthy) rotation.recovered(name);
      });
    }
  }

  const failed = (endpoint: Endpoint) => rotation.failed(endpoint.name);

  const replace = (addresses: readonly EndpointAddress[], keeps: (known: Endpoint) => boolean) => {
    replaceEndpoints(endpoints, addresses, (address, known) =>
      known !== undefined && keeps(known) ? known : openEndpoint(address),
    );
    rotation.use([...endpoints.keys()]);
  };

  return {
    endpoints: () => [...endpoints.values()],
    openEndpoint,
    useMembers(addresses: readonly EndpointAddress[]) {
      if (addresses.length > 0) replace(addresses, () => true);
    },
    useIdentity({ ca, cert, key }: Identity) {
      secure = credentials.createSsl(Buffer.from(ca), Buffer.from(key), Buffer.from(cert), verify);
      replace([...endpoints.values()], () => false);
    },
    newestRevision: () => newestRevision,
    failed,
    order() {
      probeSuspects();
      return rotation.order().flatMap((name) => endpoints.get(name) ?? []);
    },
    /** Runs one call and notes in the rotation how it went. */
    async call<Response extends RangeResponse | TxnResponse>(
      endpoint: Endpoint,
      { through, timeoutMs }: CallTerms,
      start: Parameters<typeof callMember<Response>>[1],
    ): Promise<Response> {
      const giveUpAtMs = clock.monotonicMs() + timeoutMs;
      const remainingMs = () => Math.max(1, giveUpAtMs - clock.monotonicMs());
      refuseGoneBack(history);
      if (!(await endpoint.connected(Math.min(CONNECT_MS, timeoutMs)))) {
        failed(endpoint);
        throw new NotConnected(`${endpoint.name} could not be reached`);
      }
      try {
        const known = history?.newest() ?? '0';
        const response = await callMember(remainingMs(), start);
        const revision = revisionOf(response);
        if (history) await believeAnswer(history, { endpoint, known, revision, through, remainingMs });
        if (isOlder(newestRevision, revision)) newestRevision = revision;
        rotation.answered(endpoint.name);
        return response;
      } catch (error) {
        failed(endpoint);
        throw error;
      }
    },
  };
}

function checkMember(isRevoked: EtcdStoreOptions['isRevoked']) {
  return (host: string, certificate: PeerCertificate): Error | undefined =>
    isRevoked?.(certificate.serialNumber) === true
      ? new Error('its certificate is revoked')
      : checkServerIdentity(host, certificate);
}

/** Puts an endpoint for each address into the map; `choose` may take the known one, if it leads to the same place. Closes those that are not used any more. */
function replaceEndpoints(
  endpoints: Map<string, Endpoint>,
  addresses: readonly EndpointAddress[],
  choose: (address: EndpointAddress, known: Endpoint | undefined) => Endpoint,
): void {
  const before = new Map(endpoints);
  endpoints.clear();
  for (const address of addresses) {
    const known = before.get(address.name);
    const same = known !== undefined && known.address === address.address && known.port === address.port;
    endpoints.set(address.name, choose(address, same ? known : undefined));
  }
  for (const endpoint of before.values()) if (endpoints.get(endpoint.name) !== endpoint) endpoint.close();
}

/** As if nothing of the store could be reached: what to do then is known everywhere. */
function refuseGoneBack(history: StoreHistory | undefined): void {
  const goneBack = history?.goneBack() ?? null;
  if (goneBack !== null) throw new NotConnected(goneBack.message, { cause: goneBack });
}

/** The connection is waited for before a call is started, so this proves that nothing was sent. */
class NotConnected extends Error {}

function toAnswer(response: TxnResponse): Answer {
  if (!response.succeeded) return { kind: 'compare-failed', seen: decodeSeen(response) };
  return { kind: 'applied', revision: response.header?.revision ?? '0' };
}

function toFailedAnswer(endpoint: Endpoint, error: unknown): Answer {
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof NotConnected) return { kind: 'not-sent', reason: text };
  const reason = `${endpoint.name}: ${text}`;
  switch (classifyFailure(error)) {
    case 'malformed':
      throw error;
    case 'refused':
      return { kind: 'refused', reason };
    case 'not-applied':
      return { kind: 'not-sent', reason };
    case 'lost':
      return { kind: 'lost', reason };
  }
}

async function askStatus(endpoint: Endpoint, clock: Clock): Promise<StoreMember> {
  const member = { name: endpoint.name, endpoint: `https://${endpoint.address}:${endpoint.port}` };
  const startedAtMs = clock.monotonicMs();
  try {
    if (!(await endpoint.connected(STATUS_MS))) throw new NotConnected();
    const remainingMs = Math.max(1, STATUS_MS - (clock.monotonicMs() - startedAtMs));
    const answer = await callMember<StatusResponse>(remainingMs, (deadline, done) =>
      endpoint.clients().maintenance.status(StatusRequest.fromPartial({}), REQUIRE_LEADER, { deadline }, done),
    );
    const knowsLeader = answer.leader !== '0';
    return {
      ...member,
      // Errors are active alarms, e.g. a full database.
      healthy: knowsLeader && answer.errors.length === 0,
      leader: knowsLeader && answer.leader === answer.header?.memberId,
      version: answer.version,
      sizeBytes: Number(answer.dbSize),
    };
  } catch {
    return { ...member, healthy: false, leader: false, version: null, sizeBytes: null };
  }
}
