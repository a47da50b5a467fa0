/**
 * Whether a node's VMs may be taken over now: by votes of those who have not heard of it for its takeover time, or because its power is off.
 * Pure; see docs/failover.md. Whoever decides it, and however often: the transaction holds only if nothing was heard of the node meanwhile.
 */
import {
  type FenceEvidence,
  HEARTBEAT_SILENCE_MS,
  type NodeMembership,
  type TakeoverTerms,
} from '../model/authority.ts';
import { type ClusterState, type NodeEntry, knownNodes, type Now } from '../model/cluster-state.ts';
import type { NewEvent } from '../model/events.ts';
import { keys } from '../model/keys.ts';
import type { NodeName, Revision } from '../model/names.ts';
import type { NodeRole } from '../model/node.ts';
import type { Transaction } from '../model/transaction.ts';
import { failuresAfterFence, isOutOfUse } from './quarantine.ts';

/** From this silence on the management controller is asked to switch the node off. */
export const ASK_POWER_OFF_AFTER_MS = 3000;
/** When many fall silent at once it is rather the network: for each but the first everybody waits this much longer. */
export const STORM_WAIT_MS = 10_000;
const STORM_NODES = 2;
/** A storm is more than one of so many. */
const STORM_OF = 3;

/** What one agent sees of a node. */
export interface NodeSight {
  readonly node: NodeName;
  readonly role: NodeRole;
  /** Null: it has not joined yet. */
  readonly membership: {
    readonly state: 'member' | 'fenced';
    readonly bootId: string | null;
    readonly revision: Revision;
  } | null;
  /** Null: it has not sent one yet. */
  readonly heartbeat: { readonly revision: Revision; readonly terms: TakeoverTerms } | null;
  /** How long this process has seen no new heartbeat, on its own clock, in milliseconds; null: it has never seen one. */
  readonly silentForMs: number | null;
  /** A voter has lately said that it gave this node a promise: it lives, cut off from the store. */
  readonly promised: boolean;
  readonly votes: readonly {
    readonly voter: NodeName;
    readonly heartbeatRevision: Revision;
    readonly keyRevision: Revision;
  }[];
  readonly failuresRevision: Revision;
  /** Whether the cluster knows how to switch its power. */
  readonly powerFence: boolean;
  readonly powerOff: PowerOffSight | null;
}

/** What has come of asking the management controller; about one heartbeat, since an answer proves nothing about later ones. */
export interface PowerOffSight {
  readonly heartbeatRevision: Revision;
  readonly agent: string;
  readonly state: 'asking' | 'off' | 'failed';
  /** ISO time; of `off`. */
  readonly confirmedAt: string | null;
  /** In the agent's words; of `failed`. */
  readonly reason: string;
}

export interface ClusterSight {
  readonly state: ClusterState;
  readonly own: NodeName;
  readonly wallMs: number;
  readonly armed: boolean;
  /** This agent's own heartbeats have been committed for some time: it has not merely been asleep itself. */
  readonly steady: boolean;
  readonly nodes: readonly NodeSight[];
}

/** What an agent knows beside the cluster's state. */
export interface OwnSight {
  readonly own: NodeName;
  readonly steady: boolean;
  readonly powerOff: ReadonlyMap<NodeName, PowerOffSight>;
}

export type TakeoverDecision =
  /** There is nothing to take over. */
  | { readonly kind: 'none'; readonly reason: string }
  /** It is silent, but something is missing. */
  | { readonly kind: 'wait'; readonly reason: string }
  | { readonly kind: 'ask-power-off'; readonly heartbeatRevision: Revision; readonly reason: string }
  | {
      readonly kind: 'take-over';
      readonly evidence: FenceEvidence;
      readonly reason: string;
      readonly transaction: Transaction;
      /** To be said once the transaction has been applied. */
      readonly events: readonly NewEvent[];
    };

/** From what an agent knows, the sight of all nodes. */
export function sightsOf(state: ClusterState, now: Now, { own, steady, powerOff }: OwnSight): ClusterSight {
  const nodes = knownNodes(state).map((entry) => sightOf(entry, now, powerOff));
  return { state, own, steady, nodes, wallMs: now.wallMs, armed: state.availability?.value.armed ?? true };
}

function sightOf(entry: NodeEntry, now: Now, powerOff: ReadonlyMap<NodeName, PowerOffSight>): NodeSight {
  const { facts, heartbeat, membership, heartbeatSeenAtMs, promisedSeenAtMs } = entry;
  const node = facts.value.name;
  return {
    node,
    role: facts.value.role,
    membership: membership && {
      state: membership.value.state,
      bootId: membership.value.bootId,
      revision: membership.modRevision,
    },
    heartbeat: heartbeat && { revision: heartbeat.modRevision, terms: heartbeat.value },
    silentForMs: heartbeatSeenAtMs === null ? null : now.monotonicMs - heartbeatSeenAtMs,
    promised: promisedSeenAtMs !== null && now.monotonicMs - promisedSeenAtMs <= HEARTBEAT_SILENCE_MS,
    votes: [...entry.votes].map(([voter, { value, modRevision }]) => ({
      voter,
      heartbeatRevision: value.heartbeatRevision,
      keyRevision: modRevision,
    })),
    failuresRevision: entry.failures?.modRevision ?? '0',
    powerFence: entry.fencing !== null,
    powerOff: powerOff.get(node) ?? null,
  };
}

export function decideTakeover(sight: NodeSight, cluster: ClusterSight): TakeoverDecision {
  const { node, heartbeat, membership } = sight;
  if (node === cluster.own) return { kind: 'none', reason: `${node} is this node.` };
  if (sight.role === 'witness') return { kind: 'none', reason: `${node} runs no VMs.` };
  if (membership === null || heartbeat === null) return { kind: 'none', reason: `${node} has not joined yet.` };
  if (membership.state === 'fenced') return { kind: 'none', reason: `${node} is fenced already.` };
  if (sight.silentForMs === null || sight.silentForMs < ASK_POWER_OFF_AFTER_MS) {
    return { kind: 'none', reason: `${node} is heard.` };
  }
  if (!cluster.armed) return wait(`${node} is silent, but failover is disarmed: confirm that it is dead, or arm it.`);
  return decideSilent({ ...sight, heartbeat, membership, silentForMs: sight.silentForMs }, cluster);
}

type SilentNode = NodeSight & {
  readonly heartbeat: NonNullable<NodeSight['heartbeat']>;
  readonly membership: NonNullable<NodeSight['membership']>;
  readonly silentForMs: number;
};

function decideSilent(sight: SilentNode, cluster: ClusterSight): TakeoverDecision {
  const { node, heartbeat, powerOff } = sight;
  const asked = powerOff?.heartbeatRevision === heartbeat.revision ? powerOff : null;
  if (asked?.state === 'off') {
    const evidence = { kind: 'power-off', agent: asked.agent, confirmedAt: asked.confirmedAt ?? '' } as const;
    return takeOver(sight, cluster, { evidence, votes: [], reason: `${asked.agent} says that its power is off.` });
  }
  if (sight.promised) return wait(`${node} does not reach the database, but others hear it.`);
  const stormMs = stormWaitMs(cluster.nodes);
  const waitForMs = ASK_POWER_OFF_AFTER_MS + stormMs;
  if (sight.powerFence && asked === null && cluster.steady && sight.silentForMs >= waitForMs) {
    const reason = `${node} has been silent for ${seconds(sight.silentForMs)}.`;
    return { kind: 'ask-power-off', heartbeatRevision: heartbeat.revision, reason };
  }
  const failed = asked?.state === 'failed' ? ` Its power could not be switched off: ${asked.reason}` : '';
  const byVotes = decideByVotes(sight, cluster, stormMs);
  return byVotes.kind === 'wait' ? wait(byVotes.reason + failed) : byVotes;
}

function decideByVotes(sight: SilentNode, cluster: ClusterSight, stormMs: number): TakeoverDecision {
  const { node, heartbeat, silentForMs } = sight;
  const { voters, votesNeeded, takeoverMs } = heartbeat.terms;
  if (takeoverMs === null) {
    return wait(
      `${node} is silent, but nothing proves that its VMs have stopped (no armed watchdog, no third vote, or it was disarmed when last heard): confirm that it is dead.`,
    );
  }
  const votes = sight.votes
    .filter(({ voter, heartbeatRevision }) => heartbeatRevision === heartbeat.revision && voters.includes(voter))
    .sort((a, b) => (a.voter < b.voter ? -1 : 1))
    .slice(0, votesNeeded);
  if (votes.length < votesNeeded) {
    const missing = voters.filter((voter) => !votes.some((vote) => vote.voter === voter)).join(', ');
    return wait(
      `${node} has been silent for ${seconds(silentForMs)}; ${votes.length} of ${votesNeeded} votes that it is gone, not from ${missing}; they may come after ${seconds(takeoverMs)}.`,
    );
  }
  if (stormMs > 0 && silentForMs < takeoverMs + stormMs) {
    return wait(
      `${node} is silent together with many others, which looks like the network: it is taken over after ${seconds(takeoverMs + stormMs)}.`,
    );
  }
  const names = votes.map(({ voter }) => voter);
  return takeOver(sight, cluster, {
    evidence: { kind: 'votes', voters: names, heartbeatRevision: heartbeat.revision },
    votes,
    reason: `${names.join(' and ')} have not heard of it for ${seconds(takeoverMs)}, so its guard or its watchdog has stopped its VMs.`,
  });
}

/** How much longer everybody waits because many members are silent at once; 0: few are. Milliseconds. */
export function stormWaitMs(nodes: readonly NodeSight[]): number {
  const members = nodes.filter(({ membership }) => membership?.state === 'member');
  const silent = members.filter(({ silentForMs }) => (silentForMs ?? 0) >= ASK_POWER_OFF_AFTER_MS).length;
  if (silent < STORM_NODES || silent * STORM_OF <= members.length) return 0;
  return (silent - 1) * STORM_WAIT_MS;
}

interface Grounds {
  readonly evidence: FenceEvidence;
  readonly votes: NodeSight['votes'];
  readonly reason: string;
}

function takeOver(sight: SilentNode, cluster: ClusterSight, { evidence, votes, reason }: Grounds): TakeoverDecision {
  const { node, heartbeat, membership } = sight;
  const { own, state, wallMs } = cluster;
  const since = new Date(wallMs).toISOString();
  const fenced: NodeMembership = { state: 'fenced', bootId: membership.bootId, since, evidence, reason, by: own };
  const transaction: Transaction = {
    compare: [
      { key: keys.nodeHeartbeat(node), modRevision: heartbeat.revision },
      { key: keys.nodeMembership(node), modRevision: membership.revision },
      { key: keys.nodeFailures(node), modRevision: sight.failuresRevision },
      ...votes.map(({ voter, keyRevision }) => ({ key: keys.vote(node, voter), modRevision: keyRevision })),
    ],
    write: [{ put: keys.nodeMembership(node), value: fenced }],
  };
  const more = isOutOfUse(state, node) ? plannedAbsence(sight, state, reason) : failure(sight, cluster, reason);
  return {
    ...{ kind: 'take-over', evidence, reason, events: more.events },
    transaction: {
      compare: [...transaction.compare, ...more.compare],
      write: [...transaction.write, ...more.write],
    },
  };
}

/** What counts a takeover, or does not; nothing of it bears on whether it may be made. */
interface Counting extends Transaction {
  readonly events: readonly NewEvent[];
}

/** The service is compared: a node that was resumed meanwhile may have VMs again, and then its silence is a failure. */
function plannedAbsence({ node }: SilentNode, state: ClusterState, reason: string): Counting {
  const service = state.nodes.get(node)?.service?.modRevision ?? '0';
  const event: NewEvent = {
    ...{ node, vm: null, kind: 'node-fenced', critical: false },
    text: `${node} counts as dead; there is no VM to bring back.`,
    reason: `It was paused and had no VMs, so this does not count as a failure. ${reason}`,
  };
  return { compare: [{ key: keys.nodeService(node), modRevision: service }], write: [], events: [event] };
}

function failure({ node }: SilentNode, { state, wallMs }: ClusterSight, reason: string): Counting {
  const failures = failuresAfterFence(state, node, wallMs);
  const about = { node, vm: null };
  const events: NewEvent[] = [
    {
      ...{ ...about, kind: 'node-fenced', critical: true, reason },
      text: `${node} counts as dead; its highly available VMs are brought back elsewhere.`,
    },
  ];
  const before = state.nodes.get(node)?.failures?.value.quarantinedUntil ?? null;
  if (failures.quarantinedUntil !== null && failures.quarantinedUntil !== before) {
    events.push({
      ...{ ...about, kind: 'node-quarantined', critical: true },
      text: `${node} gets no VMs until ${failures.quarantinedUntil}.`,
      reason: 'It has failed three times within an hour.',
    });
  }
  return { compare: [], write: [{ put: keys.nodeFailures(node), value: failures }], events };
}

function wait(reason: string): TakeoverDecision {
  return { kind: 'wait', reason };
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
