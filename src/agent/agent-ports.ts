import type { AgentConfig } from '../model/agent-config.ts';
import type { Clock } from '../ports/clock.ts';
import type { Hypervisor } from '../ports/hypervisor.ts';
import type { Log } from '../ports/log.ts';
import type { VmNetwork } from '../ports/network.ts';
import type { Peers } from '../ports/peers.ts';
import type { ClusterStore } from '../ports/store.ts';
import type { GuestProbes } from '../ports/guest-probe.ts';
import type { SwitchoverNetwork } from '../ports/switchover-network.ts';
import type { ClusterView } from './cluster-view.ts';
import type { InstanceRegistry } from './instance-registry.ts';

/** What the loops of an agent work with; `main.ts` picks the adapters behind it. */
export interface AgentPorts {
  readonly config: AgentConfig;
  readonly store: ClusterStore;
  readonly view: ClusterView;
  readonly hypervisor: Hypervisor;
  readonly instances: InstanceRegistry;
  readonly network: VmNetwork;
  /** Null where this node has no IPv4 address of its own. */
  readonly switchover: SwitchoverNetwork | null;
  /** What its kernel lacks for a lossless switchover; found out at the start. */
  readonly switchoverMissing: readonly string[];
  readonly probes: GuestProbes;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly log: Log;
}
