import type { AgentConfig } from '../model/agent-config.ts';
import type { ClusterReader } from '../model/cluster-state.ts';
import type { NodeName } from '../model/names.ts';
import type { Clock, Ids } from '../ports/clock.ts';
import type { Disks } from '../ports/disks.ts';
import type { Log } from '../ports/log.ts';
import type { ClusterStore } from '../ports/store.ts';

/** What the REST API works with. */
export interface ApiContext {
  readonly config: AgentConfig;
  readonly store: ClusterStore;
  readonly reader: ClusterReader;
  readonly disks: Disks;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  /** The node that answers. */
  readonly nodeName: NodeName;
  /** Version of Godwit. */
  readonly version: string;
}
