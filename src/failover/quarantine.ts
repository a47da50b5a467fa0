// A node that is fenced again and again gets no VMs for a while, so that they do not move to and fro with it.
import type { NodeFailures } from '../model/authority.ts';
import { type ClusterState, knownNodes } from '../model/cluster-state.ts';
import type { NodeName } from '../model/names.ts';

const FAILURES = 3;
const WITHIN_MS = 60 * 60_000;
const QUARANTINE_MS = 2 * 60 * 60_000;
/** Of the nodes that run VMs; but one may be as soon as two others are left. */
const MOST_OF = 4;
const SMALL_CLUSTER = 3;
const KEPT = 10;

/** The record of a node's failures with one more, now. `wallMs`: wall clock, milliseconds. */
export function failuresAfterFence(state: ClusterState, node: NodeName, wallMs: number): NodeFailures {
  const before = state.nodes.get(node)?.failures?.value ?? { at: [], quarantinedUntil: null };
  const at = [...before.at, iso(wallMs)].slice(-KEPT);
  const lately = at.filter((time) => wallMs - Date.parse(time) < WITHIN_MS).length;
  if (lately < FAILURES || !mayQuarantineOneMore(state, node, wallMs)) return { ...before, at };
  return { at, quarantinedUntil: iso(wallMs + QUARANTINE_MS) };
}

/**
 * Whether somebody has taken the node out of use beforehand: it is paused, has no VM, and none is on its way to it. Its silence is then a
 * restart that was planned, or does no harm.
 */
export function isOutOfUse(state: ClusterState, node: NodeName): boolean {
  if (state.nodes.get(node)?.service?.value.mode !== 'paused') return false;
  return [...state.vms.values()].every(
    ({ owner, intent }) => owner?.value.node !== node && intent?.value.destination !== node,
  );
}

/**
 * The record of a node that an administrator lets have VMs again ahead of time; null if it is not quarantined. What has happened still
 * counts: it is quarantined anew if it fails once more within the hour.
 */
export function failuresAfterResume(failures: NodeFailures | null, wallMs: number): NodeFailures | null {
  const until = failures?.quarantinedUntil ?? null;
  if (failures === null || until === null || Date.parse(until) <= wallMs) return null;
  return { ...failures, quarantinedUntil: null };
}

function mayQuarantineOneMore(state: ClusterState, node: NodeName, wallMs: number): boolean {
  const runVms = knownNodes(state).filter(({ facts }) => facts.value.role === 'node');
  const others = runVms.filter(({ facts }) => facts.value.name !== node);
  const quarantined = others.filter(({ failures }) => {
    const until = failures?.value.quarantinedUntil ?? null;
    return until !== null && Date.parse(until) > wallMs;
  });
  const most = Math.max(Math.floor(runVms.length / MOST_OF), runVms.length >= SMALL_CLUSTER ? 1 : 0);
  return quarantined.length < most;
}

function iso(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
