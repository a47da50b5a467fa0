import type { TakeoverTerms } from '../model/authority.ts';
import type { NodeName } from '../model/names.ts';
import { takeoverTerms, WITNESS_TERMS } from '../failover/quorum.ts';
import type { NodeRole } from '../model/node.ts';
import type { EventLog } from '../ports/events.ts';
import type { VmSlices } from '../ports/guard.ts';
import type { PeerHandlers } from '../ports/peers.ts';
import type { InstanceRegistry } from './instance-registry.ts';
import { type AuthorityPorts, NodeAuthority } from './node-authority.ts';
import { NodeMembershipKeeper } from './node-membership.ts';
import { NodeVoter } from './node-voter.ts';
import { SuspendedVms } from './suspended-vms.ts';

export interface StandingPorts extends AuthorityPorts {
  readonly events: EventLog;
  readonly instances: InstanceRegistry;
  readonly slices: VmSlices | null;
}

export interface StandingInput {
  readonly node: NodeName;
  readonly role: NodeRole;
  readonly bootId: string;
  readonly agentId: string;
  /** With what this machine was let in; null on the first node of the cluster. */
  readonly admission: string | null;
  /** Another machine has been let in under this name. */
  readonly onReplaced: () => void;
  /** Members of the store by name, as they are now. */
  readonly storeMembers: () => readonly NodeName[];
}

/** What this node is in the cluster: a member, with authority over its VMs, and a voter about the others. */
export interface Standing {
  readonly authority: NodeAuthority;
  readonly suspended: SuspendedVms;
  readonly handlers: Pick<PeerHandlers, 'promise'>;
  /** Resolves once the node is a member. */
  readonly joined: Promise<void>;
}

const LOOK_EVERY_MS = 250;

/** The first thing an agent does: its guests' authority lasts for seconds only. */
export function takeStanding(ports: StandingPorts, input: StandingInput): Standing {
  const { view, clock, guard } = ports;
  const { node, bootId, agentId } = input;
  // A guard that has died leaves its watchdog armed: what stands behind the node is the same until another guard says otherwise.
  let watchdogMs: number | null = null;
  const terms = (): TakeoverTerms => {
    if (input.role === 'witness') return WITNESS_TERMS;
    const status = guard?.status() ?? null;
    if (status !== null) watchdogMs = status.watchdogMs;
    return takeoverTerms({
      node,
      storeMembers: input.storeMembers(),
      watchdogMs,
      armed: view.current().availability?.value.armed ?? true,
    });
  };
  const voter = new NodeVoter(ports, { node, bootId });
  const authority = new NodeAuthority(ports, {
    ...{ node, bootId, agentId, terms },
    promises: () => voter.promised(),
    onHeartbeat: (applied) => voter.ownHeartbeat(applied),
  });
  const suspended = new SuspendedVms({ ...ports, node, authority, hasInstances: input.role === 'node' });
  const keeper = new NodeMembershipKeeper(ports, {
    ...{ node, bootId, authority, admission: input.admission, onReplaced: input.onReplaced },
    endAll: () => suspended.endAll(),
  });
  clock.every(LOOK_EVERY_MS, () => authority.tellTerms());
  return {
    authority,
    suspended,
    handlers: { promise: (_request, from) => voter.promise(from) },
    joined: keeper.join(),
  };
}
