import { type Static, Type } from 'typebox';
import { EVENT_KINDS } from '../model/events.ts';
import { route } from './route.ts';
import { exact, isoTime, list, nullable, oneOf } from './shapes.ts';

/** Something that was decided or noticed, and why. */
export const eventViewSchema = exact({
  /** Sorts by the time at which it happened. */
  id: Type.String(),
  at: isoTime,
  /** The node whose agent says it. */
  by: Type.String(),
  kind: oneOf(EVENT_KINDS),
  critical: Type.Boolean(),
  node: nullable(Type.String()),
  vm: nullable(Type.String()),
  /** What happened, one sentence. */
  text: Type.String(),
  /** Why; empty where the text says it all. */
  reason: Type.String(),
});
export type EventView = Static<typeof eventViewSchema>;

export const listEvents = route({
  method: 'GET',
  path: '/events',
  summary: 'The event log, oldest first: the newest events that pass all filters.',
  query: exact({
    /** Only events about this VM. */
    vm: Type.Optional(Type.String()),
    /** Only events about this node. */
    node: Type.Optional(Type.String()),
    /** true: only critical ones. */
    critical: Type.Optional(Type.Boolean()),
    /** Only events of this kind. */
    kind: Type.Optional(oneOf(EVENT_KINDS)),
    /** Only events whose text or reason has this in it; upper and lower case are the same. */
    text: Type.Optional(Type.String({ maxLength: 200 })),
    /** Id of an event: only events that come before it, so the next page of older ones. */
    before: Type.Optional(Type.String({ maxLength: 64 })),
    /** Only events that happened at or after this time (ISO 8601). */
    since: Type.Optional(Type.String()),
    /** `cursor` of an earlier answer: only events that were stored after it, in the order in which they were stored. */
    after: Type.Optional(Type.String({ pattern: '^[0-9]{1,20}$' })),
    /** 1 to 5000; 100 by default. */
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 5000 })),
  }),
  response: {
    200: exact({
      events: list(eventViewSchema),
      /** For `after`. The same on every node; an event that a cut-off node stores late comes after it. */
      cursor: Type.String(),
      /** false: the database is silent, and newer events may be missing. */
      fresh: Type.Boolean(),
    }),
  },
});
