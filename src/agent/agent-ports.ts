import type { AgentConfig } from '../model/agent-config.ts';
import type { Clock, Ids } from '../ports/clock.ts';
import type { Hypervisor } from '../ports/hypervisor.ts';
import type { Log } from '../ports/log.ts';
import type { VmNetwork } from '../ports/network.ts';
import type { Peers } from '../ports/peers.ts';
import type { ClusterStore } from '../ports/store.ts';
import type { GuestProbes } from '../ports/guest-probe.ts';
import type { SavedMemoryFiles } from '../ports/saved-memory.ts';
import type { SwitchoverNetwork } from '../ports/switchover-network.ts';
import type { EventLog } from '../ports/events.ts';
import type { PowerFence } from '../ports/fence.ts';
import type { VmSlices } from '../ports/guard.ts';
import type { ClusterView } from './cluster-view.ts';
import type { InstanceRegistry } from './instance-registry.ts';
import type { Authority } from './node-authority.ts';
import type { SuspendedVms } from './suspended-vms.ts';

/** What the loops of an agent work with; `main.ts` picks the adapters behind it. */
export interface AgentPorts {
  readonly config: AgentConfig;
  readonly store: ClusterStore;
  readonly view: ClusterView;
  readonly hypervisor: Hypervisor;
  readonly savedMemory: SavedMemoryFiles;
  readonly instances: InstanceRegistry;
  readonly network: VmNetwork;
  /** Null where this node has no IPv4 address of its own. */
  readonly switchover: SwitchoverNetwork | null;
  /** What its kernel lacks for a lossless switchover; found out at the start. */
  readonly switchoverMissing: readonly string[];
  readonly probes: GuestProbes;
  readonly peers: Peers;
  /** This node's right to run its highly available VMs. */
  readonly authority: Authority;
  readonly suspended: SuspendedVms;
  readonly slices: VmSlices | null;
  readonly events: EventLog;
  readonly fence: PowerFence;
  readonly ids: Ids;
  /** Changes with every boot of the node. */
  readonly bootId: string;
  readonly clock: Clock;
  readonly log: Log;
}
