/**
 * Figures and records of the authority protocol: until when a node may run its VMs, and when others may take them over. The
 * rules are in src/failover; docs/failover.md argues why no VM runs twice. Times are milliseconds.
 */
import type { NodeName, Revision } from './names.ts';

/** Period of the heartbeat; {@link LARGE_CLUSTER_HEARTBEAT_MS} in clusters above {@link LARGE_CLUSTER_NODES} nodes. */
export const HEARTBEAT_PERIOD_MS = 500;
export const LARGE_CLUSTER_HEARTBEAT_MS = 1000;
export const LARGE_CLUSTER_NODES = 40;
/** What one attempt to write a heartbeat may take, all members of the store tried. */
export const HEARTBEAT_ATTEMPT_MS = 400;
/** How long authority lasts, from the moment at which a heartbeat that was committed had been sent. */
export const AUTHORITY_MS = 3500;
/** Without a fresh acknowledgement for this long a node asks the voters for promises, and asks again as often as {@link PROMISE_PERIOD_MS}. */
export const ASK_PROMISES_AFTER_MS = 1000;
export const PROMISE_PERIOD_MS = 500;
/** What the agent has between the end of its authority and the guard's freezing, to stop the guests in an orderly way. */
export const QUIET_GRACE_MS = 300;
/** Period of the guard. */
export const GUARD_PERIOD_MS = 500;
/** Monotonic clocks of two nodes may differ in rate by twice this. */
export const CLOCK_RATE_ERROR = 0.01;
/** A voter votes only if its own heartbeats have been committed without a gap for this long. */
export const VOTER_STEADY_MS = 2000;
/** A node whose heartbeat has not changed for this long is shown as `down`. Seen time, never the node's own clock. */
export const HEARTBEAT_SILENCE_MS = 3500;

/** What a heartbeat says about how its node may be taken over. It takes effect with the heartbeat's commit. */
export interface TakeoverTerms {
  /** Who votes about this node: the agents on the other members of the store, sorted by name. */
  readonly voters: readonly NodeName[];
  /** Votes that a takeover needs, >= 1. */
  readonly votesNeeded: number;
  /** Silence after which a voter may vote; null: never, the node is only taken over on proof that it is dead. */
  readonly takeoverMs: number | null;
}

/** Key `nodes/<name>/heartbeat`; its mod revision is what votes and the takeover compare. */
export interface NodeHeartbeat extends TakeoverTerms {
  /** Grows with every heartbeat of one agent process. */
  readonly sequence: number;
  readonly bootId: string;
  /** Changes with every start of the agent. */
  readonly agentId: string;
  /** Nodes to which this one, as a voter, has given a promise within the last few seconds: they are cut off from the store, but alive. */
  readonly promises: readonly NodeName[];
  /** Whether the node's guard and an armed watchdog stand behind it, and with what. */
  readonly guard: GuardFacts | null;
}

/** What a node's guard says of itself. */
export interface GuardFacts {
  /** As granted by the driver, in milliseconds; null: there is no armed watchdog. */
  readonly watchdogMs: number | null;
  /** The longest time the guard was late by, since it started. */
  readonly latencyMaxMs: number;
  /** Whether the highly available VMs of the node stand still because its authority has ended. */
  readonly frozen: boolean;
}

/** How somebody knows that a node runs no VM any more. */
export type FenceEvidence =
  /** Enough voters have not heard of it for its takeover time: it is quiet, or its watchdog has reset it. */
  | { readonly kind: 'votes'; readonly voters: readonly NodeName[]; readonly heartbeatRevision: Revision }
  /** Its power is off: said by its management controller when asked afterwards. */
  | { readonly kind: 'power-off'; readonly agent: string; readonly confirmedAt: string }
  /** An administrator has confirmed it, with the node's name typed. */
  | { readonly kind: 'confirmed'; readonly by: string }
  /** It said so itself, when none of its VMs ran any more. */
  | { readonly kind: 'goodbye' };

/**
 * Key `nodes/<name>/membership`. Its mod revision is the node's fencing token: every heartbeat compares it, so the transaction
 * that writes `fenced` ends the node's heartbeats for good. The node itself writes `member` again, once nothing of it runs.
 */
export type NodeMembership =
  | { readonly state: 'member'; readonly bootId: string; readonly since: string }
  | {
      readonly state: 'fenced';
      /** The boot whose VMs are taken over. */
      readonly bootId: string | null;
      readonly since: string;
      readonly evidence: FenceEvidence;
      readonly reason: string;
      /** The agent that decided it. */
      readonly by: NodeName;
    };

/** Key `votes/<subject>/<voter>`: the voter has not heard of the subject for its takeover time, and promises it nothing until it does. */
export interface NodeVote {
  /** Mod revision of the subject's heartbeat that the vote is about. */
  readonly heartbeatRevision: Revision;
  readonly voterBootId: string;
  readonly at: string;
}

/** What the administrator wants of a node. Key `nodes/<name>/service`; absent: active. */
export interface NodeService {
  readonly mode: 'active' | 'paused' | 'draining';
  readonly since: string;
  readonly by: string;
  /** Set while draining, and kept while paused so that a resume can bring the VMs back. */
  readonly drain: NodeDrain | null;
}

/** A drain under way or done. What has become of each VM is read off the VM itself, so any agent can go on with it. */
export interface NodeDrain {
  readonly id: string;
  readonly requestedAt: string;
  /** VMs that were on the node when the drain began: where a failback brings them from. */
  readonly vms: readonly string[];
  /** Moves that failed, newest last: by VM, why. Bounded by the number of VMs. */
  readonly failures: Readonly<Record<string, { readonly tries: number; readonly reason: string; readonly at: string }>>;
}

/** Key `nodes/<name>/failures`: when the node was fenced, for the quarantine. ISO times, newest last, at most 10. */
export interface NodeFailures {
  readonly at: readonly string[];
  /** Until when it gets no VM; null: it is not quarantined. */
  readonly quarantinedUntil: string | null;
}

/** Key `nodes/<name>/fencing`: how its power is switched, by one of Debian's fence agents. */
export interface NodeFencing {
  /** "fence_ipmilan", "fence_redfish" … */
  readonly agent: string;
  /** Options as the agent takes them on standard input, e.g. ip, username, password. */
  readonly options: Readonly<Record<string, string>>;
}

/** Key `availability`: whether the cluster fails over by itself; absent: armed. */
export interface HighAvailability {
  readonly armed: boolean;
  readonly since: string;
  readonly by: string;
  readonly reason: string;
}
