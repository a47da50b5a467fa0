import type { Revision } from '../../model/names.ts';
import type { Clock } from '../../ports/clock.ts';
import type { StoreEntry, Watch, WatchListener } from '../../ports/store.ts';
import { type Endpoint, REQUIRE_LEADER } from './endpoint.ts';
import { endOfPrefix, isOlder } from './etcd-messages.ts';
import { WatchRequest, type WatchResponse } from './generated/rpc.ts';
import { followWatch, type WatchProgress } from './watch-progress.ts';

export interface WatchSource {
  /** Members in the order in which to try them. */
  order(): readonly Endpoint[];
  list(endpoint: Endpoint, prefix: string): Promise<{ entries: readonly StoreEntry[]; revision: Revision }>;
  failed(endpoint: Endpoint): void;
  /** The newest revision that this client has seen in any answer, to notice a member that has fallen behind. */
  newestRevision(): Revision;
  /** Nothing that the members say may be delivered any more. */
  hasGoneBack(): boolean;
  readonly clock: Clock;
}

const CONNECT_MS = 1000;
const PAUSE_MS = 100;
const ASK_EVERY_MS = 2000;
const CHECK_EVERY_MS = 250;
const SILENT_AFTER_MS = 5000;
const READ_ALL_EVERY_MS = 5 * 60_000;

/** Why a stream ended, and whether the next one may go on from the last revision. */
interface StreamEnd {
  readonly kind: 'move' | 'snapshot' | 'closed';
  readonly reason: string;
}

/**
 * Keeps a listener up to date about a prefix for as long as it is open: the whole prefix at some revision, then every
 * change after it, from whichever member answers. Members that fall silent, fall behind or end
 * the stream are left for the next one, which goes on after the last revision that was delivered.
 */
export function watchPrefix(source: WatchSource, prefix: string, listener: WatchListener): Watch {
  const ending = new AbortController();
  const silence = createSilenceDetector(source.clock, listener);
  const context: WatchContext = { source, prefix, listener, heard: silence.heard, ended: ending.signal };
  void keepWatching(context);
  return {
    close() {
      silence.stop();
      ending.abort();
    },
  };
}

const GONE_BACK: StreamEnd = { kind: 'move', reason: 'the store has gone back in time' };

interface WatchContext {
  readonly source: WatchSource;
  readonly prefix: string;
  readonly listener: WatchListener;
  /** To be called whenever a member said something that is believed. */
  readonly heard: () => void;
  readonly ended: AbortSignal;
}

async function keepWatching(context: WatchContext): Promise<void> {
  const { source, ended } = context;
  let lastRevision: Revision = '0';
  let readAll = true;
  let queue: readonly Endpoint[] = [];
  while (!ended.aborted) {
    if (source.hasGoneBack()) {
      await source.clock.sleep(PAUSE_MS);
      continue;
    }
    if (queue.length === 0) queue = source.order();
    const [endpoint, ...others] = queue;
    if (endpoint === undefined) return;
    queue = others;
    if (!(await endpoint.connected(CONNECT_MS))) {
      source.failed(endpoint);
      await source.clock.sleep(PAUSE_MS);
      continue;
    }
    if (readAll) {
      const revision = await deliverSnapshot(context, endpoint, lastRevision);
      if (revision === undefined) {
        await source.clock.sleep(PAUSE_MS);
        continue;
      }
      lastRevision = revision;
      readAll = false;
    }
    if (ended.aborted) return;
    const progress = followWatch(lastRevision);
    const end = await followStream(context, endpoint, progress);
    lastRevision = progress.lastRevision();
    readAll = end.kind === 'snapshot';
    // The same member may read the prefix again; one that failed waits until the others were tried.
    queue = [];
    if (end.kind === 'move') {
      source.failed(endpoint);
      queue = source.order().filter((other) => other !== endpoint);
      await source.clock.sleep(PAUSE_MS);
    }
  }
}

/** Returns the revision of the snapshot; undefined if this member could not give one. */
async function deliverSnapshot(
  { source, prefix, listener, heard, ended }: WatchContext,
  endpoint: Endpoint,
  lastRevision: Revision,
): Promise<Revision | undefined> {
  const all = await source.list(endpoint, prefix).catch(() => undefined);
  // A member may answer with an old state (etcd#20418): going back in time is worse than waiting.
  if (all === undefined || isOlder(all.revision, lastRevision) || ended.aborted) return undefined;
  heard();
  listener.snapshot(all.entries, all.revision);
  return all.revision;
}

/** Delivers changes from one stream until it ends, falls silent or cannot be believed. */
function followStream(context: WatchContext, endpoint: Endpoint, progress: WatchProgress): Promise<StreamEnd> {
  const { source, listener, heard, ended } = context;
  const { clock } = source;
  return new Promise((resolve) => {
    const stream = endpoint.clients().watch.watch(REQUIRE_LEADER);
    const lag = createLagDetector(source.newestRevision);
    const startedAtMs = clock.monotonicMs();
    let lastMessageAtMs = startedAtMs;
    let finished = false;
    const finish = (end: StreamEnd) => {
      if (finished) return;
      finished = true;
      stopAsking();
      stopChecking();
      ended.removeEventListener('abort', onClose);
      stream.cancel();
      resolve(end);
    };
    const onClose = () => finish({ kind: 'closed', reason: 'the watch was closed' });
    ended.addEventListener('abort', onClose);
    const stopAsking = clock.every(ASK_EVERY_MS, () => {
      lag.sample();
      stream.write(WatchRequest.fromPartial({ requestUnion: { $case: 'progressRequest', value: {} } }));
    });
    const stopChecking = clock.every(CHECK_EVERY_MS, () => {
      const nowMs = clock.monotonicMs();
      if (source.hasGoneBack()) finish(GONE_BACK);
      else if (nowMs - lastMessageAtMs >= SILENT_AFTER_MS) finish({ kind: 'move', reason: 'the member fell silent' });
      else if (nowMs - startedAtMs >= READ_ALL_EVERY_MS) finish({ kind: 'snapshot', reason: 'it was time to' });
    });
    // Stays after the end: the cancelled stream still reports its cancellation, as an error.
    stream.on('error', (error) => finish({ kind: 'move', reason: error.message }));
    stream.on('end', () => finish({ kind: 'move', reason: 'the member ended the stream' }));
    stream.on('data', (message: WatchResponse) => {
      if (finished) return;
      if (source.hasGoneBack()) return finish(GONE_BACK);
      lastMessageAtMs = clock.monotonicMs();
      if (lag.isBehind(message)) return finish({ kind: 'move', reason: 'the member has fallen behind the others' });
      const step = progress.accept(message);
      if (step.kind === 'move' || step.kind === 'snapshot') return finish(step);
      heard();
      if (step.kind === 'changes') listener.changes(step.entries, step.revision);
    });
    stream.write(createRequest(context.prefix, progress.lastRevision()));
  });
}

function createSilenceDetector(clock: Clock, listener: WatchListener) {
  let heardAtMs = clock.monotonicMs();
  let silent = false;
  const stop = clock.every(CHECK_EVERY_MS, () => {
    if (silent || clock.monotonicMs() - heardAtMs < SILENT_AFTER_MS) return;
    silent = true;
    listener.silence(true);
  });
  return {
    stop,
    heard() {
      heardAtMs = clock.monotonicMs();
      if (!silent) return;
      silent = false;
      listener.silence(false);
    },
  };
}

/**
 * A member whose disk hangs still answers, with what it had: so its revision is compared with what this client had
 * seen elsewhere two questions (4 s) ago.
 */
function createLagDetector(newestRevision: () => Revision) {
  let samples: Revision[] = [];
  return {
    sample() {
      samples = [...samples, newestRevision()].slice(-3);
    },
    isBehind(message: WatchResponse): boolean {
      const [expected, , last] = samples;
      const revision = message.header?.revision;
      return expected !== undefined && last !== undefined && revision !== undefined && isOlder(revision, expected);
    },
  };
}

function createRequest(prefix: string, lastRevision: Revision): WatchRequest {
  return WatchRequest.fromPartial({
    requestUnion: {
      $case: 'createRequest',
      value: {
        key: Buffer.from(prefix),
        rangeEnd: endOfPrefix(prefix),
        startRevision: (BigInt(lastRevision) + 1n).toString(),
        progressNotify: true,
        fragment: true,
      },
    },
  });
}
