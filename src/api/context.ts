import type { WebSocket } from '@fastify/websocket';
import type { AgentConfig } from '../model/agent-config.ts';
import type { ClusterReader } from '../model/cluster-state.ts';
import type { ConsoleRequest } from '../model/console.ts';
import type { NodeName } from '../model/names.ts';
import type { Clock, Ids } from '../ports/clock.ts';
import type { CloudInitSeeds } from '../ports/cloud-init.ts';
import type { Disks } from '../ports/disks.ts';
import type { EventLog } from '../ports/events.ts';
import type { PowerFence } from '../ports/fence.ts';
import type { Images, ImageSources } from '../ports/images.ts';
import type { Log } from '../ports/log.ts';
import type { SavedMemoryFiles } from '../ports/saved-memory.ts';
import type { ClusterStore } from '../ports/store.ts';
import type { CertificateIssuer } from '../ports/pki.ts';
import type { StoreSeats, StoreSnapshots } from '../ports/store-seats.ts';
import type { ConsoleFiles } from './web-console.ts';

/** What the API needs to let machines in and to remove nodes. */
export interface FormationContext {
  /** Null: this node does not have the authority's key. */
  readonly issuer: CertificateIssuer | null;
  readonly seats: StoreSeats;
  readonly snapshots: StoreSnapshots;
  /** Who keeps the store, as this agent knows it, without learners. */
  storeMembers(): readonly { readonly name: NodeName; readonly address: string }[];
}

/** The consoles of all guests, wherever they run. */
export interface ConsoleDesk {
  /** Until either ends it; the close code says why. */
  show(request: Pick<ConsoleRequest, 'kind' | 'vm' | 'backlogBytes'>, socket: WebSocket): void;
}

/** What the REST API works with. */
export interface ApiContext {
  readonly config: AgentConfig;
  readonly store: ClusterStore;
  readonly reader: ClusterReader;
  readonly disks: Disks;
  readonly savedMemory: SavedMemoryFiles;
  readonly images: Images;
  readonly imageSources: ImageSources;
  readonly seeds: CloudInitSeeds;
  readonly events: EventLog;
  /** Only asked for the state of a node's power: switching is for the agents. */
  readonly fence: PowerFence;
  readonly consoles: ConsoleDesk;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  /** The web console on this machine. */
  readonly consoleFiles: ConsoleFiles;
  /** The node that answers. */
  readonly nodeName: NodeName;
  /** Null: members come and go by their configuration files only. */
  readonly formation: FormationContext | null;
  /** Version of Godwit. */
  readonly version: string;
}
