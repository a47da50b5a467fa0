// Emptying a node: running VMs are live-migrated, those that are off get another owner. Level-triggered: the next steps are read off the
// state, so any agent goes on with a drain whose agent has died, and nothing is remembered anywhere else.
import type { NodeDrain, NodeService } from '../model/authority.ts';
import { type ClusterState, nodeState, type Now, type VmEntry, vmState } from '../model/cluster-state.ts';
import type { NewEvent } from '../model/events.ts';
import { keys } from '../model/keys.ts';
import type { NodeName, VmName } from '../model/names.ts';
import type { Transaction } from '../model/transaction.ts';
import { counted } from '../model/units.ts';
import { judgeNodes, whyChosen } from '../placement/choose-node.ts';
import { availabilityOf, nodesForPlacement, vmsOwnedBy } from '../placement/occupancy.ts';
import { Room } from '../placement/room.ts';
import type { NodeForPlacement, PlacementNeeds } from '../placement/why-not-place.ts';
import { newestFailures } from './drain-failures.ts';
import { moveOffVm } from './elsewhere.ts';
import { estimateMove, linkOf } from './move-estimate.ts';
import { compareRecoveryOrder } from './recovery-order.ts';

export interface DrainMove {
  readonly vm: VmName;
  /** `live`: it is live-migrated. `owner`: it is off, and only its owner changes. */
  readonly how: 'live' | 'owner';
  /** As things are now; chosen anew when it is its turn. */
  readonly to: NodeName;
  readonly reason: string;
  readonly memoryBytes: number;
  /** Of this move alone, in milliseconds. */
  readonly estimateMs: number;
}

export interface DrainBlocker {
  readonly vm: VmName;
  /** All of them. */
  readonly reasons: readonly string[];
}

export interface DrainPlan {
  readonly node: NodeName;
  /** In this order. */
  readonly moves: readonly DrainMove[];
  /** VMs that would stay, which the drain waits for. */
  readonly blockers: readonly DrainBlocker[];
  /** VMs that are on the move, or whose state changes right now. */
  readonly waiting: readonly DrainBlocker[];
  /** Of all moves together, in milliseconds. */
  readonly estimateMs: number;
  /** What the estimates rest on. */
  readonly basis: string;
}

/** The link is the limit: a second migration only hides the preparation and the end of the first. */
export const MOVES_AT_ONCE = 2;
const TRIES_MAX = 3;
/** After the first and the second failure of a VM, in milliseconds. */
const RETRY_AFTER_MS = [5000, 20_000] as const;

/** What a drain of the node would do now; also while it is being drained. */
export function planDrain(state: ClusterState, now: Now, node: NodeName): DrainPlan {
  const drain = state.nodes.get(node)?.service?.value.drain ?? null;
  const setting = settingOf(state, now, { node, drain });
  const moves: DrainMove[] = [];
  const blockers: DrainBlocker[] = [];
  const waiting: DrainBlocker[] = arriving(state, node);
  const link = linkOf(state, node);
  let transferMs = 0;
  let fixedMs = 0;
  for (const entry of ordered(state, node)) {
    const next = judge(setting, entry);
    const { name: vm, memoryBytes } = entry.record.value.definition;
    if (next.kind === 'blocked') blockers.push({ vm, reasons: next.reasons });
    else if (next.kind === 'wait') waiting.push({ vm, reasons: [next.reason] });
    else {
      const estimate = next.kind === 'live' ? estimateMove(entry, link) : { totalMs: 0, transferMs: 0 };
      transferMs += estimate.transferMs;
      fixedMs += estimate.totalMs - estimate.transferMs;
      const { to, reason } = next;
      moves.push({ vm, how: next.kind, to, reason, memoryBytes, estimateMs: estimate.totalMs });
    }
  }
  const longestMs = Math.max(0, ...moves.map((move) => move.estimateMs));
  const estimateMs = Math.max(longestMs, transferMs + Math.round(fixedMs / MOVES_AT_ONCE));
  return { node, moves, blockers, waiting, estimateMs, basis: link.basis };
}

export type DrainStep =
  /** Open a live migration. */
  | {
      readonly kind: 'migrate';
      readonly key: string;
      readonly vm: VmName;
      readonly to: NodeName;
      readonly reason: string;
    }
  | {
      readonly kind: 'move-owner' | 'note-failure' | 'finish';
      readonly key: string;
      readonly transaction: Transaction;
      /** To be said once the transaction has been applied. */
      readonly event: NewEvent | null;
    };

export interface DrainProgress {
  /** `blocked`: nothing moves and nothing will, until something else changes. */
  readonly kind: 'not-draining' | 'moving' | 'blocked' | 'done';
  readonly steps: readonly DrainStep[];
  readonly blockers: readonly DrainBlocker[];
  /** VMs still on the node. */
  readonly left: number;
  /** One sentence. */
  readonly text: string;
  /** To be said when the drain becomes blocked, or is blocked by something else than before; null unless it is blocked. */
  readonly event: NewEvent | null;
}

const IDLE: DrainProgress = {
  ...{ kind: 'not-draining', steps: [], blockers: [], left: 0, text: 'It is not being drained.', event: null },
};

/** What is to be done next for the drain of this node. Steps are independent of each other and may be taken by several agents at once. */
export function nextDrainSteps(state: ClusterState, now: Now, node: NodeName): DrainProgress {
  const entry = state.nodes.get(node);
  const service = entry?.service ?? null;
  if (entry?.facts == null || service?.value.mode !== 'draining' || service.value.drain === null) return IDLE;
  const shown = nodeState(entry, now);
  if (shown !== 'draining') {
    // Nothing can come to it any more, so nobody needs to wait for its return.
    const empty = vmsOwnedBy(state, node).length === 0 && arriving(state, node).length === 0;
    if (shown === 'fenced' && empty) return finished(settingOf(state, now, { node, drain: null }), service);
    const text = `${node} is ${shown}: its drain goes on when it is back, or when its VMs have been recovered.`;
    return { ...IDLE, kind: 'moving', left: vmsOwnedBy(state, node).length, text };
  }
  const { drain } = service.value;
  const setting = settingOf(state, now, { node, drain });
  const found: Found = { steps: [], blockers: [], waiting: arriving(state, node), moving: 0 };
  const entries = ordered(state, node);
  for (const vm of entries) look(setting, vm, found);
  if (entries.length === 0 && found.waiting.length === 0) return finished(setting, service);
  const free = Math.max(0, MOVES_AT_ONCE - found.moving);
  const migrations = found.steps.filter(({ kind }) => kind === 'migrate');
  const steps = found.steps.filter((step) => step.kind !== 'migrate' || migrations.indexOf(step) < free);
  return progress(setting, { ...found, steps }, entries.length);
}

interface Setting {
  readonly state: ClusterState;
  readonly now: Now;
  readonly node: NodeName;
  readonly drain: NodeDrain | null;
  readonly nodes: readonly NodeForPlacement[];
  /** Each VM that is looked at takes its place. */
  readonly room: Room;
  readonly failures: ReadonlyMap<VmName, { readonly at: string; readonly reason: string }>;
}

function settingOf(
  state: ClusterState,
  now: Now,
  { node, drain }: { readonly node: NodeName; readonly drain: NodeDrain | null },
): Setting {
  const nodes = nodesForPlacement(state, now).filter(({ facts }) => facts.name !== node);
  const failures = drain === null ? new Map() : newestFailures(state, node, drain);
  return { state, now, node, drain, nodes, room: Room.of(nodes), failures };
}

function ordered(state: ClusterState, node: NodeName): VmEntry[] {
  return [...vmsOwnedBy(state, node)].sort((a, b) => compareRecoveryOrder(a.record.value, b.record.value));
}

function arriving(state: ClusterState, node: NodeName): DrainBlocker[] {
  const found: DrainBlocker[] = [];
  for (const { intent } of state.vms.values()) {
    if (intent?.value.destination !== node) continue;
    found.push({ vm: intent.value.vm, reasons: [`${intent.value.vm} is just arriving from ${intent.value.source}.`] });
  }
  return found;
}

type Next =
  | { readonly kind: 'live' | 'owner'; readonly to: NodeName; readonly reason: string }
  | { readonly kind: 'wait'; readonly reason: string }
  | { readonly kind: 'blocked'; readonly reasons: readonly string[] };

function judge(setting: Setting, entry: VmEntry): Next {
  const record = entry.record.value;
  const vm = record.definition.name;
  const state = vmState(entry);
  const status = entry.status?.value ?? null;
  if (state === 'migrating') return { kind: 'wait', reason: `${vm} is being migrated.` };
  if (record.request !== null && record.request.id !== (status?.settledRequest ?? null)) {
    return { kind: 'wait', reason: `${vm} has a ${record.request.action} ahead of it.` };
  }
  if (state === 'starting') return { kind: 'wait', reason: `${vm} is starting.` };
  if (state === 'paused') {
    return { kind: 'blocked', reasons: [`${vm} is paused; only a running VM can be live-migrated.`] };
  }
  if (state !== 'running') return judgeOff(setting, entry);
  const retry = judgeRetry(setting, vm);
  if (retry !== null) return retry;
  const owner = setting.state.nodes.get(setting.node)?.facts.value ?? null;
  const needs: PlacementNeeds = {
    ...{ definition: record.definition, owner, memory: 'now', availability: availabilityOf(record) },
  };
  const placement = setting.room.place(needs);
  if (placement !== null) return { kind: 'live', to: placement.node, reason: whyChosen(placement, needs) };
  return { kind: 'blocked', reasons: whyNone(setting.nodes, needs) };
}

function judgeOff(setting: Setting, entry: VmEntry): Next {
  const moved = moveOffVm(setting.state, setting.now, entry);
  if (moved !== null) return { kind: 'owner', to: moved.to, reason: moved.reason };
  const record = entry.record.value;
  const needs: PlacementNeeds = {
    ...{ definition: record.definition, owner: null, memory: 'some-day', availability: availabilityOf(record) },
  };
  return { kind: 'blocked', reasons: whyNone(setting.nodes, needs) };
}

function whyNone(nodes: readonly NodeForPlacement[], needs: PlacementNeeds): string[] {
  const judged = judgeNodes(nodes, needs);
  if (judged.length === 0) return ['There is no other node.'];
  const reasons = judged.flatMap((one) => one.reasons.map(({ text }) => text));
  return reasons.length > 0 ? reasons : ['The room that is left is needed by VMs that are moved before it.'];
}

/** Null: nothing keeps it from being tried now. */
function judgeRetry({ drain, now }: Setting, vm: VmName): Next | null {
  const failure = drain?.failures[vm];
  if (failure === undefined) return null;
  if (failure.tries >= TRIES_MAX) {
    return {
      kind: 'blocked',
      reasons: [`${vm} could not be moved in ${failure.tries} tries; the last one: ${failure.reason}`],
    };
  }
  const waitMs = RETRY_AFTER_MS[failure.tries - 1] ?? 0;
  const sinceMs = now.wallMs - Date.parse(failure.at);
  if (sinceMs < 0 || sinceMs >= waitMs) return null;
  return { kind: 'wait', reason: `${vm} is tried again in a while; the last try failed: ${failure.reason}` };
}

interface Found {
  steps: DrainStep[];
  blockers: DrainBlocker[];
  waiting: DrainBlocker[];
  moving: number;
}

function look(setting: Setting, entry: VmEntry, found: Found): void {
  const vm = entry.record.value.definition.name;
  if (entry.intent !== null) {
    found.moving += 1;
    found.waiting.push({ vm, reasons: [`${vm} is being migrated.`] });
    return;
  }
  const failure = setting.failures.get(vm);
  if (failure !== undefined && setting.drain?.failures[vm]?.at !== failure.at) {
    found.steps.push(noteFailure(setting, vm, failure));
    return;
  }
  const next = judge(setting, entry);
  switch (next.kind) {
    case 'blocked':
      found.blockers.push({ vm, reasons: next.reasons });
      return;
    case 'wait':
      found.waiting.push({ vm, reasons: [next.reason] });
      return;
    case 'live':
      found.steps.push({ kind: 'migrate', key: `drain:${vm}`, vm, to: next.to, reason: next.reason });
      return;
    case 'owner': {
      const moved = moveOffVm(setting.state, setting.now, entry);
      if (moved === null) return;
      const text = `${vm}, which is ${vmState(entry) === 'saved' ? 'saved' : 'off'}, now belongs to ${moved.to}.`;
      const reason = `${setting.node} is being drained. ${moved.reason}`;
      const event: NewEvent = { kind: 'vm-moved', critical: false, node: moved.to, vm, text, reason };
      const transaction = whileDrained(setting, moved.transaction);
      found.steps.push({ kind: 'move-owner', key: `drain:${vm}`, transaction, event });
    }
  }
}

/** A drain that was cancelled meanwhile moves nothing any more. */
function whileDrained({ state, node }: Setting, { compare, write }: Transaction): Transaction {
  const modRevision = state.nodes.get(node)?.service?.modRevision ?? '0';
  return { compare: [...compare, { key: keys.nodeService(node), modRevision }], write };
}

function noteFailure(
  setting: Setting,
  vm: VmName,
  failure: { readonly at: string; readonly reason: string },
): DrainStep {
  const { node, state } = setting;
  const service = state.nodes.get(node)?.service ?? null;
  const drain = setting.drain;
  const tries = (drain?.failures[vm]?.tries ?? 0) + 1;
  const value = {
    ...service?.value,
    drain: { ...drain, failures: { ...drain?.failures, [vm]: { ...failure, tries } } },
  };
  const key = keys.nodeService(node);
  const text = `${vm} could not be moved away from ${node} (try ${tries} of ${TRIES_MAX}).`;
  return {
    ...{ kind: 'note-failure', key: `drain-failure:${vm}` },
    transaction: { compare: [{ key, modRevision: service?.modRevision ?? '0' }], write: [{ put: key, value }] },
    event: { kind: 'drain-blocked', critical: tries >= TRIES_MAX, node, vm, text, reason: failure.reason },
  };
}

function finished(
  { node, now }: Setting,
  service: { readonly value: NodeService; readonly modRevision: string },
): DrainProgress {
  const key = keys.nodeService(node);
  const value: NodeService = { ...service.value, mode: 'paused', since: new Date(now.wallMs).toISOString() };
  const text = `${node} is empty and paused.`;
  const event: NewEvent = { kind: 'node-drained', critical: false, node, vm: null, text, reason: '' };
  const transaction = { compare: [{ key, modRevision: service.modRevision }], write: [{ put: key, value }] };
  const step: DrainStep = { kind: 'finish', key: `drain:${node}`, transaction, event };
  return { kind: 'done', steps: [step], blockers: [], left: 0, text, event: null };
}

function progress({ node }: Setting, { steps, blockers, waiting, moving }: Found, left: number): DrainProgress {
  const [first] = blockers;
  if (steps.length === 0 && waiting.length === 0 && first !== undefined) {
    const text = `${node} cannot be emptied: ${blockers.map(({ vm }) => vm).join(', ')} would have to stay.`;
    const reason = blockers
      .flatMap(({ reasons }) => reasons)
      .slice(0, 10)
      .join(' ');
    const event: NewEvent = { kind: 'drain-blocked', critical: true, node, vm: null, text, reason };
    return { kind: 'blocked', steps, blockers, left, text, event };
  }
  const text = `Left on ${node}: ${counted(left, 'VM')}; ${moving} of them being migrated${blockers.length > 0 ? `, ${blockers.length} not movable now` : ''}.`;
  return { kind: 'moving', steps, blockers, left, text, event: null };
}
