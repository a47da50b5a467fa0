// VMs that go back: to a preferred owner, where their record asks for it, and to a node whose drain is over, where its administrator
// asked for it. One at a time for each node, and never to a node that has just come back: it has to hold out first.
import type { NodeService } from '../model/authority.ts';
import { type ClusterState, nodeState, type Now, type VmEntry, vmState } from '../model/cluster-state.ts';
import { keys } from '../model/keys.ts';
import type { NodeName, VmName } from '../model/names.ts';
import type { Transaction } from '../model/transaction.ts';
import { availabilityOf, nodesForPlacement, vmsOwnedBy } from '../placement/occupancy.ts';
import { CLOCKS_DIFFER_MS } from './drain-failures.ts';
import { type NodeForPlacement, type PlacementNeeds, whyNotOn } from '../placement/why-not-place.ts';

/** A node has to be a member for this long before a VM goes back to it by itself. */
const STEADY_MS = 5 * 60_000;
/** A VM that has just changed its state or its place stays. */
const REST_MS = 10 * 60_000;
/** A failed move is not tried again for this long. */
const RETRY_AFTER_MS = 15 * 60_000;
/** Moves back after a drain that may fail for one VM before it stays where it is. */
const TRIES_MAX = 2;

export type FailbackStep =
  | {
      readonly kind: 'migrate';
      readonly key: string;
      readonly vm: VmName;
      readonly to: NodeName;
      readonly reason: string;
    }
  /** All VMs of a drain that can come back are back. */
  | { readonly kind: 'finish'; readonly key: string; readonly node: NodeName; readonly transaction: Transaction };

export function decideFailback(state: ClusterState, now: Now): FailbackStep[] {
  const wanting = [...state.vms.values()].filter(
    ({ record }) => record != null && record.value.availability?.failback.enabled === true,
  );
  const returning = [...state.nodes].flatMap(([name, entry]) => {
    const service = entry.service;
    return service?.value.mode === 'active' && service.value.drain !== null ? [{ name, service }] : [];
  });
  if (wanting.length === 0 && returning.length === 0) return [];
  const nodes = new Map(nodesForPlacement(state, now).map((node) => [node.facts.name, node]));
  const busy = nodesOnTheMove(state);
  const steps = returning.flatMap((node) => afterDrain({ state, now, nodes, busy }, node));
  for (const entry of wanting) {
    const step = toPreferred({ state, now, nodes, busy }, entry);
    if (step !== null) steps.push(step);
  }
  return steps;
}

interface Setting {
  readonly state: ClusterState;
  readonly now: Now;
  readonly nodes: ReadonlyMap<NodeName, NodeForPlacement>;
  /** Nodes that send or receive a VM, or are to: one move at a time for each. */
  readonly busy: Set<NodeName>;
}

function nodesOnTheMove(state: ClusterState): Set<NodeName> {
  const busy = new Set<NodeName>();
  for (const { intent } of state.vms.values()) {
    if (intent != null) busy.add(intent.value.source).add(intent.value.destination);
  }
  return busy;
}

function toPreferred(setting: Setting, entry: VmEntry): FailbackStep | null {
  const { now, state, nodes, busy } = setting;
  const { preferredOwners, failback } = availabilityOf(entry.record.value);
  const from = entry.owner?.value.node ?? '';
  const present = preferredOwners.indexOf(from);
  const better = present < 0 ? preferredOwners : preferredOwners.slice(0, present);
  if (better.length === 0 || !isSettled(entry, now) || !isWithin(failback.window, now)) return null;
  const vm = entry.record.value.definition.name;
  for (const to of better) {
    if (busy.has(to) || busy.has(from) || !isSteady(setting, to)) continue;
    const node = nodes.get(to);
    if (node === undefined || whyNotOn(node, needsOf(state, entry)).length > 0) continue;
    if (lastFailureMs(state, now, { vm, to }) < RETRY_AFTER_MS) continue;
    busy.add(to).add(from);
    const reason = `${to} is a better preferred owner of ${vm} than ${from}, and has been there again for ${STEADY_MS / 60_000} minutes.`;
    return { kind: 'migrate', key: `failback:${vm}`, vm, to, reason };
  }
  return null;
}

function needsOf(state: ClusterState, entry: VmEntry): PlacementNeeds {
  const record = entry.record.value;
  const owner = state.nodes.get(entry.owner?.value.node ?? '')?.facts?.value ?? null;
  return { definition: record.definition, owner, memory: 'now', availability: availabilityOf(record) };
}

/** It runs, nothing is asked of it, and nothing has happened to it for a while. */
function isSettled(entry: VmEntry, now: Now): boolean {
  const status = entry.status?.value;
  if (status === undefined || !canMove(entry)) return false;
  return Math.abs(now.wallMs - Date.parse(status.since)) >= REST_MS;
}

function canMove(entry: VmEntry): boolean {
  const { request } = entry.record.value;
  if (request !== null && request.id !== entry.status?.value.settledRequest) return false;
  return entry.intent === null && vmState(entry) === 'running';
}

/** Hours of the day in UTC; 22 to 6 goes over midnight. */
function isWithin(window: { readonly fromHour: number; readonly toHour: number } | null, now: Now): boolean {
  if (window === null) return true;
  const at = new Date(now.wallMs);
  const hour = at.getUTCHours() + at.getUTCMinutes() / 60;
  const { fromHour, toHour } = window;
  return fromHour <= toHour ? hour >= fromHour && hour < toHour : hour >= fromHour || hour < toHour;
}

/** Up, neither paused nor quarantined, and a member for a while. */
function isSteady({ state, now }: Setting, node: NodeName): boolean {
  const entry = state.nodes.get(node);
  if (entry?.facts == null || nodeState(entry, now) !== 'up') return false;
  const membership = entry.membership?.value;
  return membership?.state === 'member' && Math.abs(now.wallMs - Date.parse(membership.since)) >= STEADY_MS;
}

/** How long ago the newest move of the VM to the node has failed; infinite if it has not. */
function lastFailureMs(
  state: ClusterState,
  now: Now,
  { vm, to }: { readonly vm: VmName; readonly to: NodeName },
): number {
  const [newest] = failedMoves(state, { vm, to, sinceMs: 0 }).slice(-1);
  return newest === undefined ? Number.POSITIVE_INFINITY : Math.abs(now.wallMs - newest);
}

/** When moves of the VM to the node have failed since then, oldest first. */
function failedMoves(
  state: ClusterState,
  { vm, to, sinceMs }: { readonly vm: VmName; readonly to: NodeName; readonly sinceMs: number },
): number[] {
  const found: number[] = [];
  for (const receipt of state.migrations.values()) {
    const one = (receipt ?? {}) as { readonly [key in 'vm' | 'destination' | 'outcome' | 'endedAt']?: unknown };
    if (one.vm !== vm || one.destination !== to || one.outcome === 'completed') continue;
    const endedMs = Date.parse(String(one.endedAt));
    if (endedMs >= sinceMs - CLOCKS_DIFFER_MS) found.push(endedMs);
  }
  return found.sort((a, b) => a - b);
}

/** The administrator has resumed the node and wants its VMs back: at once, whatever their preferences. */
function afterDrain(
  { state, nodes, busy }: Setting,
  {
    name,
    service,
  }: { readonly name: NodeName; readonly service: { readonly value: NodeService; readonly modRevision: string } },
): FailbackStep[] {
  const node = nodes.get(name);
  if (node === undefined || node.state !== 'up') return [];
  const here = new Set(vmsOwnedBy(state, name).map(({ record }) => record.value.definition.name));
  let left = 0;
  for (const vm of service.value.drain?.vms ?? []) {
    const entry = state.vms.get(vm);
    if (entry?.record == null || entry.owner === null) continue;
    if (entry.intent?.value.destination === name) left += 1;
    if (here.has(vm) || !canMove(entry)) continue;
    const tries = failedMoves(state, { vm, to: name, sinceMs: Date.parse(service.value.since) }).length;
    if (tries >= TRIES_MAX || whyNotOn(node, needsOf(state, entry)).length > 0) continue;
    left += 1;
    if (busy.has(name)) continue;
    busy.add(name).add(entry.owner.value.node);
    const reason = `${vm} was on ${name} before its drain, and ${name} was resumed with failback.`;
    return [{ kind: 'migrate', key: `failback:${vm}`, vm, to: name, reason }];
  }
  if (left > 0) return [];
  const key = keys.nodeService(name);
  const value: NodeService = { ...service.value, drain: null };
  const transaction = { compare: [{ key, modRevision: service.modRevision }], write: [{ put: key, value }] };
  return [{ kind: 'finish', key: `failback:${name}`, node: name, transaction }];
}
