import { randomBytes } from 'node:crypto';
import { GodwitError, NOTHING_CHANGED } from '../../model/errors.ts';
import type { ClusterStore, Watch } from '../../ports/store.ts';
import type { StoreConnection, StoreSeats, StoreSnapshots } from '../../ports/store-seats.ts';
import { connectToMembers, type EtcdMembers, type EtcdStoreOptions } from './etcd-members.ts';
import { decodeEntry, encodeTransaction, endOfPrefix, markFrom } from './etcd-messages.ts';
import { createEtcdSeats } from './etcd-seats.ts';
import { createEtcdSnapshots } from './etcd-snapshot.ts';
import { RangeRequest, type RangeResponse } from './generated/rpc.ts';
import { type WatchSource, watchPrefix } from './prefix-watch.ts';
import { attemptMs, attemptTransaction } from './transaction-attempts.ts';

const DEADLINE_MS = 2000;
const PAUSE_MS = 100;

/** The cluster's database with what its keeper needs besides: who its members are, and how to change that. */
export interface EtcdStore extends ClusterStore, StoreConnection {
  readonly seats: StoreSeats;
  /** Kept in this directory. */
  snapshots(directory: string): StoreSnapshots;
}

/** The cluster's database, kept by the members of an etcd cluster. */
export function createEtcdStore(options: EtcdStoreOptions): EtcdStore {
  const { clock } = options;
  const members = connectToMembers(options);
  const watches = new Set<Watch>();

  async function read(request: RangeRequest, what: string, deadlineMs: number): Promise<RangeResponse> {
    const goneBack = options.history?.goneBack() ?? null;
    if (goneBack !== null) throw goneBack;
    const giveUpAtMs = clock.monotonicMs() + deadlineMs;
    let lastError: unknown;
    let attempts = 0;
    for (const endpoint of members.inTurn()) {
      const remainingMs = giveUpAtMs - clock.monotonicMs();
      if (remainingMs <= 0) break;
      try {
        return await members.range(endpoint, request, attemptMs(remainingMs));
      } catch (error) {
        lastError = error;
        attempts += 1;
        if (attempts % members.count() === 0) await clock.sleep(Math.min(PAUSE_MS, remainingMs));
      }
    }
    throw options.history?.goneBack() ?? unavailable(what, deadlineMs, lastError);
  }

  return {
    transact(transaction, deadlineMs = DEADLINE_MS) {
      const mark = markFrom(randomBytes(6));
      const request = encodeTransaction(transaction, mark);
      const turns = members.inTurn();
      return attemptTransaction({
        transaction,
        mark,
        clock,
        deadlineMs,
        memberCount: members.count(),
        sender: {
          write: (timeoutMs) => members.write(turns.next().value, request, timeoutMs),
          look: (timeoutMs) => members.look(turns.next().value, transaction, timeoutMs),
        },
      });
    },
    async get(key, deadlineMs = DEADLINE_MS) {
      const answer = await read(RangeRequest.fromPartial({ key: Buffer.from(key) }), key, deadlineMs);
      return answer.kvs.map(decodeEntry)[0];
    },
    async list(prefix, deadlineMs = DEADLINE_MS) {
      const answer = await read(prefixRequest(prefix), prefix, deadlineMs);
      return answer.kvs.map(decodeEntry);
    },
    watch(prefix, listener) {
      const watch = watchPrefix(watchSource(members, options), prefix, listener);
      watches.add(watch);
      return {
        close() {
          watches.delete(watch);
          watch.close();
        },
      };
    },
    members: () => members.statuses(),
    useMembers: members.useMembers,
    useIdentity: members.useIdentity,
    seats: createEtcdSeats(members, clock),
    snapshots: (directory) => createEtcdSnapshots(members, clock, directory),
    close() {
      for (const watch of watches) watch.close();
      watches.clear();
      members.close();
    },
  };
}

function watchSource(members: EtcdMembers, { clock }: EtcdStoreOptions): WatchSource {
  return {
    clock,
    order: members.order,
    failed: members.failed,
    newestRevision: members.newestRevision,
    hasGoneBack: members.hasGoneBack,
    async list(endpoint, prefix) {
      const answer = await members.range(endpoint, prefixRequest(prefix), DEADLINE_MS);
      return { entries: answer.kvs.map(decodeEntry), revision: answer.header?.revision ?? '0' };
    },
  };
}

function prefixRequest(prefix: string): RangeRequest {
  return RangeRequest.fromPartial({ key: Buffer.from(prefix), rangeEnd: endOfPrefix(prefix) });
}

function unavailable(what: string, deadlineMs: number, cause: unknown): GodwitError {
  const reason = cause instanceof Error ? ` The last try failed with: ${cause.message}` : '';
  return new GodwitError(
    {
      code: 'STORE_UNAVAILABLE',
      message: `No member of the cluster's database answered within ${deadlineMs} ms when ${what} was read.${reason}`,
      state: NOTHING_CHANGED,
      nextStep:
        'Look at the members with `godwit cluster status`; more than half of them must run and reach each other.',
    },
    cause,
  );
}
