import type { FastifyInstance } from 'fastify';
import { type EventView, listEvents } from '../contract/events.ts';
import type { QueryOf } from '../contract/route.ts';
import type { ClusterEvent } from '../model/events.ts';
import type { EventReader, StoredEvent } from './event-history.ts';
import { invalid } from './invalid-input.ts';
import { answer, serve } from './resource.ts';

const LIMIT_DEFAULT = 100;

export function serveEvents(app: FastifyInstance, history: EventReader): void {
  serve(app, listEvents, ({ query }) =>
    answer(200, {
      events: selectEvents(history.all(), query).map(eventView),
      cursor: history.revision(),
      fresh: history.fresh(),
    }),
  );
}

/** The newest events about this VM or node, oldest first. */
export function newestAbout(history: EventReader, what: { readonly vm?: string; readonly node?: string }): EventView[] {
  return selectEvents(history.all(), { ...what, limit: NEWEST }).map(eventView);
}

const NEWEST = 5;

function selectEvents(stored: readonly StoredEvent[], query: QueryOf<typeof listEvents>): ClusterEvent[] {
  const { vm, node, critical, kind, before, after } = query;
  const sinceMs = query.since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(query.since);
  if (Number.isNaN(sinceMs)) throw invalid(`"${query.since}" is no time.`, 'Give it as in 2026-11-23T10:00:00Z.');
  const passing = stored.filter(
    ({ event, revision }) =>
      (vm === undefined || event.vm === vm) &&
      (node === undefined || event.node === node) &&
      (critical !== true || event.critical) &&
      (kind === undefined || event.kind === kind) &&
      (before === undefined || event.id < before) &&
      says(event, query.text) &&
      Date.parse(event.at) >= sinceMs &&
      (after === undefined || BigInt(revision) > BigInt(after)),
  );
  if (after !== undefined) passing.sort((a, b) => Number(BigInt(a.revision) - BigInt(b.revision)));
  return passing.slice(-(query.limit ?? LIMIT_DEFAULT)).map(({ event }) => event);
}

function says({ text, reason }: ClusterEvent, part = ''): boolean {
  return `${text} ${reason}`.toLowerCase().includes(part.toLowerCase());
}

/** Exactly the fields that the contract names: an agent of another version may have stored more. */
export function eventView({ id, at, by, kind, critical, node, vm, text, reason }: ClusterEvent): EventView {
  return { id, at, by, kind, critical, node, vm, text, reason };
}
