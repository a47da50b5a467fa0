import type { AgentConfig } from '../model/agent-config.ts';
import type { ClusterReader } from '../model/cluster-state.ts';
import type { NodeName } from '../model/names.ts';
import type { Clock, Ids } from '../ports/clock.ts';
import type { Disks } from '../ports/disks.ts';
import type { EventLog } from '../ports/events.ts';
import type { PowerFence } from '../ports/fence.ts';
import type { Log } from '../ports/log.ts';
import type { ClusterStore } from '../ports/store.ts';
import type { CertificateIssuer } from '../ports/pki.ts';
import type { StoreSeats } from '../ports/store-seats.ts';

/** What the API needs to let machines in and to remove nodes. */
export interface FormationContext {
  /** Null: this node does not have the authority's key. */
  readonly issuer: CertificateIssuer | null;
  readonly seats: StoreSeats;
  /** Who keeps the store, as this agent knows it, without learners. */
  storeMembers(): readonly { readonly name: NodeName; readonly address: string }[];
}

/** What the REST API works with. */
export interface ApiContext {
  readonly config: AgentConfig;
  readonly store: ClusterStore;
  readonly reader: ClusterReader;
  readonly disks: Disks;
  readonly events: EventLog;
  /** Only asked for the state of a node's power: switching is for the agents. */
  readonly fence: PowerFence;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  /** The node that answers. */
  readonly nodeName: NodeName;
  /** Null: members come and go by their configuration files only. */
  readonly formation: FormationContext | null;
  /** Version of Godwit. */
  readonly version: string;
}
