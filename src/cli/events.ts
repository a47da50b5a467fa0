import { setTimeout as sleep } from 'node:timers/promises';
import { type EventView, listEvents } from '../contract/events.ts';
import type { QueryOf } from '../contract/route.ts';
import { ERROR_CODES, GodwitError } from '../model/errors.ts';
import type { Cluster } from './cluster.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { eventLine, eventLines } from './event-text.ts';

export interface EventsOptions {
  readonly vm?: string;
  readonly node?: string;
  readonly critical?: boolean;
  readonly kind?: EventView['kind'];
  readonly text?: string;
  /** Milliseconds since 1970. */
  readonly since?: number;
  readonly limit: number;
  readonly follow?: boolean;
}

type EventQuery = QueryOf<typeof listEvents>;

const POLL_MS = 1000;
const LIMIT_MAX = 5000;

export async function events(context: Context, options: EventsOptions): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const query = queryOf(options);
  const first = await cluster.call(listEvents, { query });
  if (options.follow === true) {
    say(context, first.events);
    return await follow(context, { cluster, query, cursor: first.cursor });
  }
  report(context, first.events, () =>
    first.events.length === 0 ? 'There is no such event.' : eventLines(first.events, context.output.look),
  );
  if (!first.fresh) context.output.printError('The database is silent; newer events may be missing.');
  return EXIT_DONE;
}

function queryOf({ vm, node, critical, kind, text, since, limit }: EventsOptions): EventQuery {
  return {
    limit,
    ...(vm !== undefined && { vm }),
    ...(node !== undefined && { node }),
    ...(critical === true && { critical }),
    ...(kind !== undefined && { kind }),
    ...(text !== undefined && { text }),
    ...(since !== undefined && { since: new Date(since).toISOString() }),
  };
}

/** One event per line, also as JSON: there is no end at which a document could be closed. */
function say({ json, output }: Context, said: readonly EventView[]): void {
  for (const event of said) output.print(json ? JSON.stringify(event) : eventLine(event, output.look));
}

interface Following {
  readonly cluster: Cluster;
  readonly query: EventQuery;
  readonly cursor: string;
}

/** Until Ctrl-C. The cursor means the same to every node, so whichever answers goes on where another one has left off. */
async function follow(context: Context, { cluster, query, cursor: from }: Following): Promise<ExitStatus> {
  let cursor = from;
  let silent = false;
  for (;;) {
    await sleep(POLL_MS);
    try {
      const { limit: _limit, ...filters } = query;
      const next = await cluster.call(listEvents, { query: { ...filters, after: cursor, limit: LIMIT_MAX } });
      // A node that has just started may not have read the log yet.
      if (BigInt(next.cursor) < BigInt(cursor)) continue;
      say(context, next.events);
      cursor = next.cursor;
      silent = false;
    } catch (error) {
      if (!(error instanceof GodwitError) || ERROR_CODES[error.code].httpStatus !== 503) throw error;
      if (!silent) context.output.printError(`No node answers (${error.message}) Trying again.`);
      silent = true;
    }
  }
}
