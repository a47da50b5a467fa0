import { isIPv6 } from 'node:net';
import { GodwitError } from '../../model/errors.ts';
import type { NodeName } from '../../model/names.ts';
import type { Clock } from '../../ports/clock.ts';
import type { SeatHealth, StoreSeat, StoreSeats } from '../../ports/store-seats.ts';
import { callMember, type Endpoint, REQUIRE_LEADER } from './endpoint.ts';
import type { EtcdMembers } from './etcd-members.ts';
import {
  type Member,
  MemberAddRequest,
  type MemberAddResponse,
  MemberListRequest,
  type MemberListResponse,
  MemberPromoteRequest,
  type MemberPromoteResponse,
  MemberRemoveRequest,
  type MemberRemoveResponse,
  StatusRequest,
  type StatusResponse,
} from './generated/rpc.ts';

const CALL_MS = 5000;
const STATUS_MS = 1000;
const PEER_PORT = 2380;

/**
 * Members of the store and changes of them through etcd's own requests. They go to the leader: another member's list may be an old
 * one, and whether a member may be added is judged by who answers.
 */
export function createEtcdSeats(members: EtcdMembers, clock: Clock): StoreSeats {
  async function onLeader<Answer>(what: string, call: (endpoint: Endpoint, deadline: DeadlineCall) => Promise<Answer>) {
    const leader = (await members.statuses()).find((member) => member.leader);
    const endpoint = members.order().find(({ name }) => name === leader?.name);
    if (endpoint === undefined) throw refused(what, 'it has no leader that answers');
    try {
      return await call(endpoint, (start) => callMember(CALL_MS, start));
    } catch (error) {
      throw refused(what, error instanceof Error ? error.message : String(error), error);
    }
  }

  const list = () =>
    onLeader('list its members', (endpoint, ask) =>
      ask<MemberListResponse>((deadline, done) =>
        endpoint.clients().cluster.memberList(MemberListRequest.fromPartial({}), REQUIRE_LEADER, { deadline }, done),
      ),
    );

  return {
    list: async () => (await list()).members.map(toSeat),
    health: (seats, names) =>
      Promise.all(seats.map((seat) => askHealth(members, clock, { seat, name: seat.name ?? names.get(seat.address) }))),
    async addLearner(address) {
      // The port is the same on all members.
      const peerPort = portOf((await list()).members) ?? PEER_PORT;
      const request = MemberAddRequest.fromPartial({ peerURLs: [peerUrl(address, peerPort)], isLearner: true });
      const answer = await onLeader(`add a member at ${address}`, (endpoint, ask) =>
        ask<MemberAddResponse>((deadline, done) =>
          endpoint.clients().cluster.memberAdd(request, REQUIRE_LEADER, { deadline }, done),
        ),
      );
      if (answer.member === undefined)
        throw refused(`add a member at ${address}`, 'it did not say which member it made');
      return toSeat(answer.member);
    },
    async promote(id) {
      const request = MemberPromoteRequest.fromPartial({ ID: fromHex(id) });
      await onLeader(`give the learner ${id} a vote`, (endpoint, ask) =>
        ask<MemberPromoteResponse>((deadline, done) =>
          endpoint.clients().cluster.memberPromote(request, REQUIRE_LEADER, { deadline }, done),
        ),
      );
    },
    async remove(id) {
      const request = MemberRemoveRequest.fromPartial({ ID: fromHex(id) });
      await onLeader(`remove the member ${id}`, (endpoint, ask) =>
        ask<MemberRemoveResponse>((deadline, done) =>
          endpoint.clients().cluster.memberRemove(request, REQUIRE_LEADER, { deadline }, done),
        ),
      );
    },
  };
}

type DeadlineCall = <Answer>(start: Parameters<typeof callMember<Answer>>[1]) => Promise<Answer>;

async function askHealth(
  members: EtcdMembers,
  clock: Clock,
  { seat, name }: { readonly seat: StoreSeat; readonly name: NodeName | undefined },
): Promise<SeatHealth> {
  const silent: SeatHealth = { id: seat.id, healthy: false, leader: false, appliedIndex: null };
  if (name === undefined) return silent;
  const known = members.order().find((endpoint) => endpoint.name === name);
  const port = members.order()[0]?.port ?? 0;
  // A learner is none of the endpoints that are asked for data.
  const endpoint = known ?? members.openEndpoint({ name, address: seat.address, port });
  try {
    const startedAtMs = clock.monotonicMs();
    if (!(await endpoint.connected(STATUS_MS))) return silent;
    const remainingMs = Math.max(1, STATUS_MS - (clock.monotonicMs() - startedAtMs));
    const answer = await callMember<StatusResponse>(remainingMs, (deadline, done) =>
      endpoint.clients().maintenance.status(StatusRequest.fromPartial({}), REQUIRE_LEADER, { deadline }, done),
    );
    const knowsLeader = answer.leader !== '0';
    return {
      id: seat.id,
      healthy: knowsLeader && answer.errors.length === 0,
      leader: knowsLeader && answer.leader === answer.header?.memberId,
      appliedIndex: Number(answer.raftAppliedIndex),
    };
  } catch {
    return silent;
  } finally {
    if (known === undefined) endpoint.close();
  }
}

function toSeat(member: Member): StoreSeat {
  return {
    id: BigInt(member.ID).toString(16),
    address: new URL(member.peerURLs[0] ?? 'https://unknown').hostname.replace(/^\[|\]$/g, ''),
    name: member.name === '' ? null : member.name,
    learner: member.isLearner,
  };
}

function portOf(members: readonly Member[]): number | undefined {
  const port = new URL(members[0]?.peerURLs[0] ?? 'https://unknown').port;
  return port === '' ? undefined : Number(port);
}

function peerUrl(address: string, port: number): string {
  return `https://${isIPv6(address) ? `[${address}]` : address}:${port}`;
}

function fromHex(id: string): string {
  return BigInt(`0x${id}`).toString();
}

function refused(what: string, reason: string, cause?: unknown): GodwitError {
  return new GodwitError(
    {
      code: 'STORE_UNAVAILABLE',
      message: `The cluster's database did not ${what}: ${reason}.`,
      state: 'Its members are as they were, unless the answer was lost.',
      nextStep: 'Look at the members with `godwit cluster status`; the change is tried again by itself.',
    },
    cause,
  );
}
