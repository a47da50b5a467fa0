import { type Static, Type } from 'typebox';
import { nodeViewSchema } from './cluster.ts';
import { eventViewSchema } from './events.ts';
import { migrationViewSchema } from './migrations.ts';
import { API_PREFIX } from './route.ts';
import { exact, list } from './shapes.ts';
import { vmViewSchema } from './vms.ts';

/**
 * The live channel: a WebSocket on which the server sends one JSON message per frame. First a
 * snapshot, then each object that changed, whole. Between two messages about one object any number of
 * its changes may be left out, never the last one. A client that reads too slowly is cut off (close
 * code 1013) and connects again. Nothing is read from the client.
 */
export const LIVE_PATH = `${API_PREFIX}/live`;

export const LIVE_PING_PERIOD_MS = 15_000;

/** Close code for a client that reads too slowly: "try again later". */
export const LIVE_TOO_SLOW = 1013;

export const liveMessageSchema = Type.Union([
  exact({
    type: Type.Literal('snapshot'),
    vms: list(vmViewSchema),
    nodes: list(nodeViewSchema),
    /** Open ones. */
    migrations: list(migrationViewSchema),
    /** false: the store is silent, this is what was last known. */
    fresh: Type.Boolean(),
  }),
  exact({ type: Type.Literal('vm'), vm: vmViewSchema }),
  exact({ type: Type.Literal('vm-deleted'), name: Type.String() }),
  exact({ type: Type.Literal('node'), node: nodeViewSchema }),
  exact({ type: Type.Literal('node-removed'), name: Type.String() }),
  /** Progress of an open migration, and its receipt when it ended. */
  exact({ type: Type.Literal('migration'), migration: migrationViewSchema }),
  exact({ type: Type.Literal('freshness'), fresh: Type.Boolean() }),
  /** New in the event log. */
  exact({ type: Type.Literal('event'), event: eventViewSchema }),
]);
export type LiveMessage = Static<typeof liveMessageSchema>;
