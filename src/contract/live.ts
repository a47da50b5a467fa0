import { type Static, Type } from 'typebox';
import { clusterViewSchema, nodeViewSchema } from './cluster.ts';
import { eventViewSchema } from './events.ts';
import { nodeLoadSchema } from './load.ts';
import { migrationViewSchema } from './migrations.ts';
import { API_PREFIX } from './route.ts';
import { exact, list, nullable } from './shapes.ts';
import { vmViewSchema } from './vms.ts';

/**
 * The live channel: a WebSocket on which the server sends one JSON message per frame. First a
 * snapshot, in one or several parts, then each object that changed, whole. Between two messages about one object any number of
 * its changes may be left out, never the last one: a client that reads slowly hears less often. One that
 * stops reading is cut off (close code 1013) and connects again. Nothing is read from the client.
 */
export const LIVE_PATH = `${API_PREFIX}/live`;

export const LIVE_PING_PERIOD_MS = 15_000;

/** Close code for a client that reads too slowly: "try again later". */
export const LIVE_TOO_SLOW = 1013;

/** Close code when the session that opened a WebSocket has ended: sign in again. */
export const SIGNED_OUT = 4401;

/** So many ended migrations, the newest, are in the snapshot; `GET /migrations` has all. */
export const LIVE_ENDED_MIGRATIONS = 100;

export const liveMessageSchema = Type.Union([
  exact({
    type: Type.Literal('snapshot'),
    /**
     * 1 to `parts`, in order and with nothing in between. Together they replace all that was known before; lists are spread
     * over the parts, the first part has all nodes, all open migrations, `cluster` and `loads`.
     */
    part: Type.Integer(),
    parts: Type.Integer(),
    /** The node that serves this channel. */
    node: Type.String(),
    vms: list(vmViewSchema),
    nodes: list(nodeViewSchema),
    /** Open ones and the newest ended ones ({@link LIVE_ENDED_MIGRATIONS}). */
    migrations: list(migrationViewSchema),
    /** Null where it is not known yet: a message `cluster` follows. */
    cluster: nullable(clusterViewSchema),
    /** With the newest sample only. */
    loads: list(nodeLoadSchema),
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
  /** When it changed, with quorum, survival and fencing; in large clusters some seconds later. */
  exact({ type: Type.Literal('cluster'), cluster: clusterViewSchema }),
  /** Samples that are new, and the CPU use of the VMs there: `cpuPercent` of a VM comes only so, never as a change of the VM. */
  exact({ type: Type.Literal('load'), load: nodeLoadSchema }),
  /** New in the event log. */
  exact({ type: Type.Literal('event'), event: eventViewSchema }),
]);
export type LiveMessage = Static<typeof liveMessageSchema>;
