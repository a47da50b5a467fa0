import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClientReadableStream } from '@grpc/grpc-js';
import { GodwitError, NOTHING_CHANGED } from '../../model/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { StoreSnapshots } from '../../ports/store-seats.ts';
import { type Endpoint, REQUIRE_LEADER } from './endpoint.ts';
import type { EtcdMembers } from './etcd-members.ts';
import { SnapshotRequest, type SnapshotResponse } from './generated/rpc.ts';

/** The database is at most 2 GiB. */
const DEADLINE_MS = 60_000;
const CONNECT_MS = 1000;
const KEPT = 3;
/** SHA-256 of the database stands behind its last byte. */
const DIGEST_BYTES = 32;
const SUFFIX = '.db';

/** Files as `etcdctl snapshot save` writes them, in a directory that is made if it is missing. */
export function createEtcdSnapshots(members: EtcdMembers, clock: Clock, directory: string): StoreSnapshots {
  return {
    async take() {
      const time = new Date(clock.wallMs()).toISOString().replaceAll(':', '-');
      const path = join(directory, `${time}${SUFFIX}`);
      try {
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        const bytes = await save(await connected(members), path);
        removeOld(directory);
        return { path, bytes };
      } catch (error) {
        await rm(draftOf(path), { force: true }).catch(() => undefined);
        throw notSaved(path, error);
      }
    },
  };
}

/** The leader has everything that was acknowledged; another member may be behind. */
async function connected(members: EtcdMembers): Promise<Endpoint> {
  const leader = (await members.statuses()).find((member) => member.leader);
  const endpoint = members.order().find(({ name }) => name === leader?.name);
  if (endpoint !== undefined && (await endpoint.connected(CONNECT_MS))) return endpoint;
  throw new Error('the database has no leader that answers');
}

async function save(endpoint: Endpoint, path: string): Promise<number> {
  const file = await open(draftOf(path), 'w', 0o600);
  try {
    const deadline = new Date(Date.now() + DEADLINE_MS);
    const request = SnapshotRequest.fromPartial({});
    const stream = endpoint.clients().maintenance.snapshot(request, REQUIRE_LEADER, { deadline });
    const bytes = await receive(stream, file);
    await file.sync();
    await rename(draftOf(path), path);
    return bytes;
  } finally {
    await file.close();
  }
}

/** Number of bytes. Throws where the database did not arrive whole. */
function receive(stream: ClientReadableStream<SnapshotResponse>, file: FileHandle): Promise<number> {
  const hash = createHash('sha256');
  let tail = Buffer.alloc(0);
  let bytes = 0;
  const take = async (blob: Buffer) => {
    const seen = Buffer.concat([tail, blob]);
    const end = Math.max(0, seen.length - DIGEST_BYTES);
    hash.update(seen.subarray(0, end));
    tail = seen.subarray(end);
    bytes += blob.length;
    await file.writeFile(blob);
  };
  return new Promise((resolve, reject) => {
    let writing: Promise<void> = Promise.resolve();
    stream.on('data', ({ blob }: SnapshotResponse) => {
      // Not faster than the disk: the pieces would pile up in memory.
      stream.pause();
      writing = writing.then(() => take(blob));
      writing.then(
        () => stream.resume(),
        (error: unknown) => {
          stream.cancel();
          reject(error);
        },
      );
    });
    stream.on('error', reject);
    stream.on('end', () => {
      writing.then(() => {
        if (bytes > DIGEST_BYTES && hash.digest().equals(tail)) resolve(bytes);
        else reject(new Error('what arrived is not whole'));
      }, reject);
    });
  });
}

/** Names sort by time. Drafts are of agents that ended. */
function removeOld(directory: string): void {
  const names = readdirSync(directory).sort();
  const whole = names.filter((name) => name.endsWith(SUFFIX));
  const drafts = names.filter((name) => name.endsWith(`${SUFFIX}.new`));
  for (const name of [...whole.slice(0, -KEPT), ...drafts]) rmSync(join(directory, name), { force: true });
}

function draftOf(path: string): string {
  return `${path}.new`;
}

function notSaved(path: string, cause: unknown): GodwitError {
  return new GodwitError(
    {
      code: 'STORE_UNAVAILABLE',
      message: `The cluster's database could not be saved to ${path}: ${cause instanceof Error ? cause.message : String(cause)}.`,
      state: NOTHING_CHANGED,
      nextStep: 'Look at the space on that disk and at `godwit cluster status`.',
    },
    cause,
  );
}
