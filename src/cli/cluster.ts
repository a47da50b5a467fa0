/** One cluster behind the addresses of several nodes: any node that answers will do. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createClient } from '../client/client.ts';
import { type ConsoleListener, type NodeConsole, openNodeConsole } from '../client/node-console.ts';
import { createNodeTransport } from '../client/node-transport.ts';
import { createUploadTransport, type Upload } from '../client/node-upload.ts';
import { getHealth } from '../contract/cluster.ts';
import { type ImageView, uploadImage } from '../contract/images.ts';
import type { InputOf, ResponseOf, Route } from '../contract/route.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import type { ClusterTarget } from './cluster-selection.ts';

/** A node that has not answered for this long gets company from the next one. */
const HEAD_START_MS = 400;
/** While something is followed, a silent node must not hold things up. */
const FOLLOW_DEADLINE_MS = 2500;

export interface Cluster {
  readonly target: ClusterTarget;
  /** The answer of the first node that gives one. A change is sent to one node only, once that node has shown that it lives. */
  call<R extends Route>(route: R, input?: InputOf<R>): Promise<ResponseOf<R>>;
  /** One client for each node, the one in use first. Each gives up soon. */
  followers(): readonly Client[];
  /** At the node in use; each further attempt is made at the next one. */
  openConsole(path: string, listener: ConsoleListener, attempt: number): NodeConsole;
  /** To the node in use. */
  upload(name: string, upload: Upload): Promise<ImageView>;
  close(): void;
}

interface Endpoint {
  readonly url: string;
  readonly client: Client;
  close(): void;
}

export function openCluster(target: ClusterTarget, ca: string | null): Cluster {
  const open = (deadlineMs?: number): Endpoint[] =>
    target.urls.map((url) => {
      const { user, password } = target;
      const transport = createNodeTransport({
        url,
        user,
        password,
        ca,
        ...(deadlineMs !== undefined && { deadlineMs }),
      });
      return { url, client: createClient(transport), close: () => transport.close() };
    });
  const endpoints = open();
  const opened = [...endpoints];
  let current: number | null = target.urls.length === 1 ? 0 : null;
  const choose = async (avoid: number | null) => (await firstAnswering(endpoints, avoid)) ?? firstOf(endpoints, avoid);

  const call = async <R extends Route>(route: R, input?: InputOf<R>): Promise<ResponseOf<R>> => {
    const failures: GodwitError[] = [];
    for (let attempt = 0; attempt < endpoints.length; attempt += 1) {
      current ??= await choose(null);
      try {
        return await (endpoints[current] as Endpoint).client.call(route, ...([input] as never));
      } catch (error) {
        if (!(error instanceof GodwitError) || error.code !== 'CLUSTER_UNREACHABLE') throw error;
        // A change may have arrived although no answer came; only its caller can find out.
        if (route.method !== 'GET') throw error;
        failures.push(error);
        if (endpoints.length > 1) current = await choose(current);
      }
    }
    throw unreachable(target, failures);
  };

  return {
    target,
    call,
    followers: () => {
      const follow = open(FOLLOW_DEADLINE_MS);
      opened.push(...follow);
      const first = current ?? 0;
      return [...follow.slice(first), ...follow.slice(0, first)].map((endpoint) => endpoint.client);
    },
    openConsole: (path, listener, attempt) => {
      const { urls, user, password } = target;
      const url = urls[((current ?? 0) + attempt) % urls.length] ?? '';
      return openNodeConsole({ url, user, password, ca }, path, listener);
    },
    upload: async (name, upload) => {
      current ??= await choose(null);
      const { user, password } = target;
      const transport = createUploadTransport({ url: target.urls[current] ?? '', user, password, ca }, upload);
      return await createClient(transport).call(uploadImage, { params: { name } });
    },
    close: () => {
      for (const endpoint of opened) endpoint.close();
    },
  };
}

/** The node that first says it is ready; else one that at least answers; else undefined. */
async function firstAnswering(endpoints: readonly Endpoint[], avoid: number | null): Promise<number | undefined> {
  let answered: number | undefined;
  const candidates = endpoints.map((_endpoint, index) => index).filter((index) => index !== avoid);
  const done = new AbortController();
  const probe = async (index: number, place: number) => {
    if (place > 0) await sleep(place * HEAD_START_MS, undefined, { signal: done.signal });
    const health = await (endpoints[index] as Endpoint).client.call(getHealth);
    answered ??= index;
    if (!health.ready) throw new Error('not ready');
    return index;
  };
  const first = await Promise.any(candidates.map(probe)).catch(() => answered);
  done.abort();
  return first;
}

function firstOf(endpoints: readonly Endpoint[], avoid: number | null): number {
  const other = endpoints.findIndex((_endpoint, index) => index !== avoid);
  return other < 0 ? 0 : other;
}

function unreachable(target: ClusterTarget, failures: readonly GodwitError[]): GodwitError {
  const [only, ...others] = failures;
  const where = target.urls.length === 1 ? (target.urls[0] ?? '') : `any of ${target.urls.join(', ')}`;
  return new GodwitError(
    {
      code: 'CLUSTER_UNREACHABLE',
      message:
        only !== undefined && others.length === 0
          ? only.message
          : `No answer from ${where} (${target.origin}): ${failures.at(-1)?.message ?? 'no reason known'}`,
      state: NOTHING_CHANGED,
      nextStep: target.origin.startsWith('the lab')
        ? 'Look at the machines with `godwit lab status`.'
        : only !== undefined && others.length === 0
          ? only.nextStep
          : 'Check that a node runs and that its address is reachable from here, or name another with --cluster.',
    },
    failures.at(-1),
  );
}
