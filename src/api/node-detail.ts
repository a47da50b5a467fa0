import type { NodeDetail } from '../contract/nodes.ts';
import { nextDrainSteps } from '../failover/drain.ts';
import type { FenceEvidence, NodeDrain, NodeFencing } from '../model/authority.ts';
import { type NodeEntry, nodeState, quarantinedUntil } from '../model/cluster-state.ts';
import { isSecretOption } from '../model/fencing-options.ts';
import type { NodeName } from '../model/names.ts';
import type { EventReader } from './event-history.ts';
import { newestAbout } from './events.ts';
import { nodeView, type Shown } from './views.ts';

export function nodeDetail(shown: Shown, entry: NodeEntry, history: EventReader): NodeDetail {
  const view = nodeView(shown, entry);
  const facts = entry.facts.value;
  const membership = entry.membership?.value ?? null;
  const fenced = membership?.state === 'fenced' ? membership : null;
  const service = entry.service?.value ?? null;
  return {
    ...view,
    reason: reasonOf(shown, entry, view.vms),
    silentForMs: silentForMs(shown, entry),
    bootId: facts.bootId,
    agentStartedAt: facts.startedAt,
    membership:
      membership === null
        ? null
        : {
            ...{ state: membership.state, since: membership.since },
            evidence: fenced === null ? null : describeEvidence(fenced.evidence),
            reason: fenced?.reason ?? null,
          },
    service: {
      ...{ mode: service?.mode ?? 'active', since: service?.since ?? null, by: service?.by ?? null },
      drain: service?.drain == null ? null : drainView(shown, facts.name, service.drain),
    },
    fencedAt: entry.failures?.value.at ?? [],
    quarantinedUntil: quarantinedUntil(entry, shown.now),
    takeover: takeoverView(entry),
    guard: guardView(entry),
    powerFencing: entry.fencing === null ? null : withoutSecrets(entry.fencing.value),
    events: newestAbout(history, { node: facts.name }),
  };
}

function drainView(shown: Shown, node: NodeName, drain: NodeDrain): NonNullable<NodeDetail['service']['drain']> {
  const { id, requestedAt, vms, failures } = drain;
  const { kind, text, blockers } = nextDrainSteps(shown.state, shown.now, node);
  const ended = kind === 'not-draining';
  return {
    ...{ id, requestedAt, vms, blockers },
    failures: Object.entries(failures).map(([vm, { tries, reason, at }]) => ({ vm, tries, reason, at })),
    state: ended ? 'ended' : kind === 'blocked' ? 'blocked' : 'moving',
    text: ended ? endedText(shown, node, drain) : text,
  };
}

function endedText({ state }: Shown, node: NodeName, { vms }: NodeDrain): string {
  if (state.nodes.get(node)?.service?.value.mode !== 'active') return `The drain of ${node} has ended.`;
  const away = vms.filter((vm) => ![undefined, node].includes(state.vms.get(vm)?.owner?.value.node));
  return `The drain of ${node} is over; ${away.length} of its VMs are still to come back.`;
}

function takeoverView(entry: NodeEntry): NodeDetail['takeover'] {
  if (entry.heartbeat === null || entry.facts.value.role === 'witness') return null;
  const { voters, votesNeeded, takeoverMs } = entry.heartbeat.value;
  const { modRevision } = entry.heartbeat;
  const votes = [...entry.votes]
    .filter(([, vote]) => vote.value.heartbeatRevision === modRevision)
    .map(([voter]) => voter);
  return { voters, votesNeeded, afterMs: takeoverMs, votes: votes.sort() };
}

function guardView(entry: NodeEntry): NodeDetail['guard'] {
  const guard = entry.heartbeat?.value.guard ?? null;
  if (guard === null) return null;
  return { watchdogMs: guard.watchdogMs, latencyMaxMs: guard.latencyMaxMs, frozen: guard.frozen };
}

function withoutSecrets({ agent, options }: NodeFencing): NodeFencing {
  const shown = Object.entries(options).map(([name, value]) => [name, isSecretOption(name) ? '***' : value] as const);
  return { agent, options: Object.fromEntries(shown) };
}

/** Null while it beats. */
export function silentForMs({ now }: Shown, entry: NodeEntry): number | null {
  if (!SILENT_STATES.has(nodeState({ ...entry, membership: null }, now))) return null;
  return entry.heartbeatSeenAtMs === null ? null : Math.round(now.monotonicMs - entry.heartbeatSeenAtMs);
}

const SILENT_STATES = new Set<string>(['down', 'isolated']);

function reasonOf(shown: Shown, entry: NodeEntry, vms: readonly string[]): string {
  const { now } = shown;
  const state = nodeState(entry, now);
  const service = entry.service?.value;
  switch (state) {
    case 'up':
      return 'It is a member, and its heartbeat is current.';
    case 'paused':
      return `It was paused by ${service?.by ?? 'somebody'}: it keeps its VMs and gets no others.`;
    case 'draining':
      return `${service?.by ?? 'Somebody'} is draining it: ${vms.length} of ${service?.drain?.vms.length ?? vms.length} VMs are left.`;
    case 'isolated':
      return 'It does not reach the database, but voters hear it and have promised to wait: its VMs run on.';
    case 'down':
      return downReason(silentForMs(shown, entry), entry);
    case 'fenced': {
      const membership = entry.membership?.value;
      return membership?.state === 'fenced' ? membership.reason : 'Others have taken its VMs over.';
    }
    case 'quarantined':
      return `It was fenced ${entry.failures?.value.at.length ?? 0} times lately and gets no VM until ${quarantinedUntil(entry, now) ?? 'later'}; \`godwit node resume ${entry.facts.value.name}\` ends that.`;
  }
}

function downReason(silentMs: number | null, entry: NodeEntry): string {
  const silence =
    silentMs === null ? 'It has not been heard' : `Its heartbeat has been silent for ${Math.round(silentMs / 1000)} s`;
  const takeover = takeoverView(entry);
  if (takeover === null) return `${silence}.`;
  if (takeover.afterMs === null) return `${silence}; its VMs are brought back only once it is confirmed dead.`;
  return `${silence}; ${takeover.votes.length} of the ${takeover.votesNeeded} votes that a takeover needs are cast.`;
}

function describeEvidence(evidence: FenceEvidence): string {
  switch (evidence.kind) {
    case 'votes':
      return `${evidence.voters.join(' and ')} had not heard of it for its takeover time.`;
    case 'power-off':
      return `Its management controller (${evidence.agent}) said at ${evidence.confirmedAt} that its power is off.`;
    case 'confirmed':
      return `${evidence.by} has confirmed that it is dead.`;
    case 'goodbye':
      return 'It said itself that it ran nothing any more.';
  }
}
