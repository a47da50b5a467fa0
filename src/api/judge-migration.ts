// Whether a VM may be live-migrated, and to where: every reason against it, and the error that fits them.
import type { Candidate } from '../contract/migrations.ts';
import { whyNotMigratable } from '../migration/phase-1-pre-migration.ts';
import { type VmEntry, vmState } from '../model/cluster-state.ts';
import { type ErrorCode, GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import type { NodeName } from '../model/names.ts';
import { chooseNode, type JudgedNode } from '../placement/choose-node.ts';
import { availabilityOf } from '../placement/occupancy.ts';
import { type NodeForPlacement, type PlacementNeeds, type Reason, whyNotOn } from '../placement/why-not-place.ts';
import { nodesForPlacement } from './candidates.ts';
import type { Shown } from './views.ts';
import { nameOf, pendingRequest, whyOwnerAbsent } from './vm-state-checks.ts';

/** A reason with the error code that fits it if it is the only one. */
export interface CodedReason {
  readonly code: ErrorCode;
  readonly text: string;
}

export interface MigrationJudgement {
  /** All that speaks against it; empty: it may start. */
  readonly reasons: readonly CodedReason[];
  /** As asked for, or the chosen one; null if none can be chosen. */
  readonly destination: NodeName | null;
  readonly destinationReason: string;
  readonly candidates: readonly Candidate[];
}

/** `to`: the destination asked for; undefined: to be chosen. Throws NODE_NOT_FOUND if the cluster does not have it. */
export function judgeMigration(shown: Shown, entry: VmEntry, to: NodeName | undefined): MigrationJudgement {
  const nodes = nodesForPlacement(shown);
  const named = to === undefined ? undefined : requireNode(nodes, to);
  const owner = shown.state.nodes.get(entry.owner?.value.node ?? '')?.facts.value ?? null;
  const record = entry.record.value;
  const { definition } = record;
  const needs: PlacementNeeds = { definition, owner, memory: 'now', availability: availabilityOf(record) };
  const choice = chooseNode(nodes, needs);
  const candidates = choice.judged.map(candidateOf);
  const ofVm = vmReasons(shown, entry);
  // While it moves its memory is held on both nodes, and any other verdict would be about a passing state.
  const againstNodes = entry.intent !== null ? [] : named ? whyNotOn(named, needs).map(codedReason) : whyNone(choice);
  const chosen = choice.kind === 'chosen' ? choice : { node: null, reason: '' };
  return {
    reasons: [...ofVm, ...againstNodes],
    destination: named === undefined ? chosen.node : named.facts.name,
    destinationReason: named === undefined ? chosen.reason : 'It was asked for.',
    candidates,
  };
}

function requireNode(nodes: readonly NodeForPlacement[], name: NodeName): NodeForPlacement {
  const node = nodes.find(({ facts }) => facts.name === name);
  if (node !== undefined) return node;
  throw new GodwitError({
    code: 'NODE_NOT_FOUND',
    message: `There is no node called "${name}".`,
    state: NOTHING_CHANGED,
    nextStep: 'See `godwit node list` for the names; upper and lower case differ.',
  });
}

function candidateOf({ node, reasons, freeBytes }: JudgedNode): Candidate {
  const texts = reasons.map((reason) => reason.text);
  return { node, possible: texts.length === 0, reasons: texts, freeMemoryBytes: freeBytes };
}

function vmReasons({ state, now }: Shown, entry: VmEntry): CodedReason[] {
  const vm = nameOf(entry);
  const migrating = entry.intent !== null;
  const owner = entry.owner?.value.node;
  const reasons: CodedReason[] = whyNotMigratable({ vm, state: vmState(entry), migrating, owner: owner ?? '' }).map(
    (text) => ({
      ...{ code: migrating ? 'VM_MIGRATING' : 'VM_STATE_UNSUITABLE', text },
    }),
  );
  if (migrating) return reasons;
  const pending = pendingRequest(entry);
  if (pending !== null && pending.action !== 'start') {
    const text = pending.action === 'save' ? `${vm} is being saved.` : `A ${pending.action} of ${vm} was asked for.`;
    reasons.push({ code: 'VM_STATE_UNSUITABLE', text });
  }
  if (owner === undefined) return [...reasons, { code: 'VM_STATE_UNSUITABLE', text: `${vm} has no owner.` }];
  const absent = whyOwnerAbsent(state, entry, now);
  if (absent !== null) reasons.push({ code: 'NODE_UNREACHABLE', text: absent });
  return reasons;
}

function whyNone(choice: ReturnType<typeof chooseNode>): CodedReason[] {
  if (choice.kind === 'chosen') return [];
  if (choice.judged.length === 0) return [{ code: 'MIGRATION_NOT_POSSIBLE', text: 'There is no other node.' }];
  return choice.judged.flatMap((judged) => judged.reasons.map(codedReason));
}

function codedReason({ obstacle, text }: Reason): CodedReason {
  switch (obstacle) {
    case 'memory':
      return { code: 'NOT_ENOUGH_MEMORY', text };
    case 'state':
      return { code: 'NODE_UNREACHABLE', text };
    case 'role':
    case 'owner':
    case 'hardware':
    case 'software':
    case 'network':
    case 'storage':
    case 'possible-owners':
    case 'anti-affinity':
    case 'failed-there':
      return { code: 'MIGRATION_NOT_POSSIBLE', text };
  }
}

/** The precise code if all reasons are of one kind, else MIGRATION_NOT_POSSIBLE; always with all reasons. */
export function refusal(entry: VmEntry, { reasons }: MigrationJudgement): GodwitError {
  const texts = reasons.map((reason) => reason.text);
  const codes = new Set(reasons.map((reason) => reason.code));
  const code = codes.size === 1 ? (reasons[0]?.code ?? 'MIGRATION_NOT_POSSIBLE') : 'MIGRATION_NOT_POSSIBLE';
  return new GodwitError({
    code,
    message: texts.length === 1 ? (texts[0] ?? '') : `${nameOf(entry)} cannot be migrated: ${texts.join(' ')}`,
    state: NOTHING_CHANGED,
    nextStep: nextStepFor(code, nameOf(entry)),
    details: { reasons: texts },
  });
}

function nextStepFor(code: ErrorCode, vm: string): string {
  if (code === 'VM_MIGRATING')
    return `Wait until the migration has ended, or cancel it with \`godwit vm cancel ${vm}\`.`;
  if (code === 'VM_STATE_UNSUITABLE')
    return `Look at its state with \`godwit vm show ${vm}\`; start it first if it is off or saved.`;
  if (code === 'NOT_ENOUGH_MEMORY') return 'Turn off or move away a VM on the destination, or choose another one.';
  if (code === 'NODE_UNREACHABLE')
    return 'Bring the node back, or choose another destination; `godwit node list` shows which are up.';
  return `See \`godwit vm migrate ${vm} --dry-run\` for what speaks against each node.`;
}
