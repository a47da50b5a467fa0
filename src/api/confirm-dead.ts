import type { FastifyInstance } from 'fastify';
import { confirmDead } from '../contract/nodes.ts';
import { failuresAfterFence } from '../failover/quarantine.ts';
import { isoDate } from '../migration/write-receipt.ts';
import type { NodeMembership } from '../model/authority.ts';
import { type ClusterState, type NodeEntry, nodeState, type Now } from '../model/cluster-state.ts';
import { keys } from '../model/keys.ts';
import type { NodeName } from '../model/names.ts';
import { type Change, commitChange } from './commit.ts';
import type { ApiContext } from './context.ts';
import type { EventReader } from './event-history.ts';
import { invalid } from './invalid-input.ts';
import { readNode, requireNode, requireRunsVms, unsuitableNode } from './node-change.ts';
import { nodeDetail } from './node-detail.ts';
import { answer, serve } from './resource.ts';
import { shownNow } from './views.ts';

/**
 * An administrator's word that a silent node is dead. It stands in for votes and for the management controller, so it is taken only
 * of a node of which nobody hears anything: a false one runs VMs twice.
 */
export function serveConfirmDead(app: FastifyInstance, context: ApiContext, history: EventReader): void {
  serve(app, confirmDead, async ({ params: { name }, body }) => {
    requireNode(context.reader.current(), name);
    if (body.confirm !== name) {
      throw invalid(
        `"${body.confirm}" was typed to confirm that ${name} is dead.`,
        `Make sure that ${name} is switched off, then type its name.`,
      );
    }
    await fence(context, name);
    const shown = shownNow(context.reader);
    return answer(200, nodeDetail(shown, requireNode(shown.state, name), history));
  });
}

async function fence(context: ApiContext, name: NodeName): Promise<void> {
  const by = context.config.administrator.user;
  const quarantinedUntil = await commitChange(context, async () => {
    const entry = await readNode(context, name);
    requireRunsVms(entry);
    requireSilent(entry, context.reader.now());
    requireCurrentView(context, name);
    return changeOf(context, entry, by);
  });
  context.events.say({
    ...{ kind: 'node-fenced', critical: true, node: name, vm: null },
    text: `${name} counts as dead; its highly available VMs are brought back elsewhere.`,
    reason: `${by} has confirmed that it is dead.`,
  });
  if (quarantinedUntil === null) return;
  context.events.say({
    ...{ kind: 'node-quarantined', critical: true, node: name, vm: null },
    text: `${name} gets no VMs until ${quarantinedUntil}.`,
    reason: 'It has failed three times within an hour.',
  });
}

function requireSilent(entry: NodeEntry, now: Now): void {
  const { name } = entry.facts.value;
  const state = nodeState(entry, now);
  switch (state) {
    case 'down':
      return;
    case 'fenced':
      // The votes say nothing of VMs that no guard stops: only somebody's word, or its return, frees those.
      if (isFencedByVotes(entry)) return;
      throw unsuitableNode(
        `${name} is fenced already: its VMs are being brought back elsewhere, or have been.`,
        `See \`godwit events --node ${name}\`.`,
      );
    case 'isolated':
      throw unsuitableNode(
        `${name} is not dead: other nodes hear it, although it does not reach the database.`,
        'Mend its network, or switch it off: a few seconds later it is shown as down, and can be confirmed dead.',
      );
    case 'up':
    case 'paused':
    case 'draining':
    case 'quarantined':
      throw unsuitableNode(
        `${name} is not dead: its heartbeat is current (it is ${state}).`,
        `Drain it with \`godwit node drain ${name}\` if its VMs are to leave it.`,
      );
  }
}

function isFencedByVotes({ membership }: NodeEntry): boolean {
  return membership?.value.state === 'fenced' && membership.value.evidence.kind === 'votes';
}

/** Whether others hear it (`isolated`) is known from the view only. */
function requireCurrentView({ reader, nodeName }: ApiContext, name: NodeName): void {
  if (reader.fresh()) return;
  throw unsuitableNode(
    `${nodeName} has not heard the database lately, so it cannot say whether others hear ${name}.`,
    'Try again in some seconds, or ask another node.',
  );
}

/**
 * The compare on the heartbeat: nothing was heard of the node until the very moment of the change. The result: until when it is
 * quarantined if that is new, else null.
 */
function changeOf(context: ApiContext, entry: NodeEntry, by: string): Change<string | null> {
  const { name } = entry.facts.value;
  const wallMs = context.clock.wallMs();
  const value: NodeMembership = {
    ...{ state: 'fenced', bootId: entry.membership?.value.bootId ?? entry.facts.value.bootId, since: isoDate(wallMs) },
    evidence: { kind: 'confirmed', by },
    reason: `${by} has confirmed that ${name} is dead.`,
    by: context.nodeName,
  };
  const before = entry.failures?.value ?? { at: [], quarantinedUntil: null };
  // By votes it was counted already.
  const failed = isFencedByVotes(entry) ? before : failuresAfterFence(withNode(context, entry), name, wallMs);
  const [membership, heartbeat, failures] = [
    keys.nodeMembership(name),
    keys.nodeHeartbeat(name),
    keys.nodeFailures(name),
  ];
  return {
    transaction: {
      compare: [
        { key: membership, modRevision: entry.membership?.modRevision ?? '0' },
        { key: heartbeat, modRevision: entry.heartbeat?.modRevision ?? '0' },
        { key: failures, modRevision: entry.failures?.modRevision ?? '0' },
      ],
      write: [
        { put: membership, value },
        { put: failures, value: failed },
      ],
    },
    proof: { key: membership, value },
    result: failed.quarantinedUntil === before.quarantinedUntil ? null : failed.quarantinedUntil,
  };
}

/** The cluster with this node as it was just read. */
function withNode(context: ApiContext, entry: NodeEntry): ClusterState {
  const state = context.reader.current();
  return { ...state, nodes: new Map(state.nodes).set(entry.facts.value.name, entry) };
}
