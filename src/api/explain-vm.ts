import type { FastifyInstance } from 'fastify';
import { explainVm, type VmExplanation } from '../contract/availability.ts';
import { needsOf } from '../failover/recovery-needs.ts';
import { nodeState, type VmEntry, vmState } from '../model/cluster-state.ts';
import { formatBytes } from '../model/units.ts';
import { judgeNodes } from '../placement/choose-node.ts';
import { nodesForPlacement } from './candidates.ts';
import type { ApiContext } from './context.ts';
import type { EventReader } from './event-history.ts';
import { newestAbout } from './events.ts';
import { requireVm } from './read-state.ts';
import { answer, serve } from './resource.ts';
import { type Shown, shownNow } from './views.ts';

/** Why a VM is where it is, or why it does not run. */
export function serveExplainVm(app: FastifyInstance, context: ApiContext, history: EventReader): void {
  serve(app, explainVm, ({ params: { name } }) => {
    const shown = shownNow(context.reader);
    const entry = requireVm(shown.state, name);
    const events = newestAbout(history, { vm: name });
    return answer(200, { why: whyOf(shown, entry), obstacles: obstaclesOf(shown, entry), events });
  });
}

function whyOf(shown: Shown, entry: VmEntry): VmExplanation['why'] {
  const why: string[] = [];
  const record = entry.record.value;
  const { intent, status } = entry;
  if (intent !== null) why.push(`It is being migrated from ${intent.value.source} to ${intent.value.destination}.`);
  const ownerWords = ownerTrouble(shown, entry);
  if (ownerWords !== null) why.push(ownerWords);
  if (status !== null && status.value.reason !== '') {
    why.push(
      `${ownerWords === null ? '' : `The last that ${status.value.node} said: `}${asSentence(status.value.reason)}`,
    );
  }
  if (!isRunning(entry) && record.desired === 'off') why.push('Nobody has asked for it to run.');
  if (record.saved !== undefined) {
    const { name } = record.definition;
    why.push(
      `Its memory has been in a file of ${formatBytes(record.saved.sizeBytes)} since ${record.saved.savedAt}: its next start goes on from there, unless \`godwit vm discard ${name}\` deletes it.`,
    );
  }
  if (status?.value.error != null) why.push(asSentence(status.value.error.message));
  const restarts = status?.value.restarts;
  if (restarts !== undefined && restarts.here + restarts.elsewhere > 0) {
    why.push(
      `Since ${restarts.since} it was restarted ${restarts.here} times where it was and ${restarts.elsewhere} times elsewhere; it failed on ${restarts.failedOn.join(', ') || 'no node'}.`,
    );
  }
  return why;
}

/** Null while the owner can speak for itself. */
function ownerTrouble({ state, now }: Shown, entry: VmEntry): string | null {
  const owner = entry.owner?.value.node;
  if (owner === undefined) return 'It has no owner.';
  const node = state.nodes.get(owner);
  if (node?.facts == null) return `Its owner, ${owner}, is no member of the cluster any more.`;
  switch (nodeState(node, now)) {
    case 'down':
      return `Its owner, ${owner}, is down. ${bringingBack(entry, node.heartbeat?.value.takeoverMs ?? null, state.availability?.value.armed ?? true)}`;
    case 'fenced':
      return `Its owner, ${owner}, is fenced. ${entry.record.value.highlyAvailable ? 'It is brought back on another node as soon as one can take it.' : NOT_AVAILABLE}`;
    case 'isolated':
      return `Its owner, ${owner}, does not reach the database; voters hear it, and it runs on there.`;
    case 'up':
    case 'paused':
    case 'draining':
    case 'quarantined':
      return node.heartbeat?.value.guard?.frozen === true
        ? `It stands still: the authority of ${owner} has ended, and it goes on when ${owner} has it again.`
        : null;
  }
}

const NOT_AVAILABLE = 'It is not highly available, so it waits for its node.';

function bringingBack(entry: VmEntry, takeoverMs: number | null, armed: boolean): string {
  if (!entry.record.value.highlyAvailable) return NOT_AVAILABLE;
  if (!armed) return 'The cluster is disarmed, so it is not brought back until `godwit ha arm`.';
  if (takeoverMs === null)
    return 'It is brought back once the node is known to be dead: by its management controller, or with `godwit node confirm-dead`.';
  return `It is brought back on another node after ${takeoverMs / 1000} s of silence and the votes.`;
}

/** While it runs: what keeps it from running elsewhere if its node is lost; else what keeps it from running at all. */
function obstaclesOf(shown: Shown, entry: VmEntry): string[] {
  const owner = entry.owner?.value.node;
  // An owner that runs it is no place to bring it back to.
  const nodes = nodesForPlacement(shown).filter(({ facts }) => !isRunning(entry) || facts.name !== owner);
  const judged = judgeNodes(nodes, needsOf(entry, shown.now));
  return judged.flatMap(({ reasons }) => reasons.map(({ text }) => text));
}

function isRunning(entry: VmEntry): boolean {
  const state = vmState(entry);
  return state === 'running' || state === 'migrating' || state === 'paused';
}

function asSentence(text: string): string {
  const trimmed = text.trim();
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
