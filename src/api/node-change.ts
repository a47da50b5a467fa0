// What every change of a node begins with: the node as the store has it now, with the silences as this agent has seen them.
import { applyEntries, type ClusterState, type NodeEntry } from '../model/cluster-state.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { keys } from '../model/keys.ts';
import type { NodeName } from '../model/names.ts';
import type { ApiContext } from './context.ts';

/** Returns the member, or throws NODE_NOT_FOUND. */
export function requireNode(state: ClusterState, name: NodeName): NodeEntry {
  const entry = state.nodes.get(name);
  if (entry?.facts != null) return entry;
  throw new GodwitError({
    code: 'NODE_NOT_FOUND',
    message: `There is no node called "${name}".`,
    state: NOTHING_CHANGED,
    nextStep: 'See `godwit node list` for the names; upper and lower case differ.',
  });
}

/** Throws NODE_STATE_UNSUITABLE for a witness. */
export function requireRunsVms(entry: NodeEntry): void {
  const { name, role } = entry.facts.value;
  if (role === 'node') return;
  throw unsuitableNode(`${name} is the witness: it runs no VM.`, 'Name a node; `godwit node list` shows them.');
}

export function unsuitableNode(message: string, nextStep: string): GodwitError {
  return new GodwitError({ code: 'NODE_STATE_UNSUITABLE', message, state: NOTHING_CHANGED, nextStep });
}

/** Read from the store just now, so that a decision rests on what every agent agrees on. Throws STORE_UNAVAILABLE or NODE_NOT_FOUND. */
export async function readNode(context: ApiContext, name: NodeName): Promise<NodeEntry> {
  const entries = await context.store.list(`${keys.nodes}${name}/`);
  const known = context.reader.current();
  const nodes = new Map(known.nodes);
  nodes.delete(name);
  const nowMs = context.reader.now().monotonicMs;
  const entry = requireNode(applyEntries({ ...known, nodes }, { entries, revision: known.revision, nowMs }), name);
  const before = known.nodes.get(name);
  const unheard = before?.heartbeat?.modRevision === entry.heartbeat?.modRevision;
  return {
    ...entry,
    // Reading a heartbeat again is no sign of life.
    heartbeatSeenAtMs: unheard ? (before?.heartbeatSeenAtMs ?? null) : entry.heartbeatSeenAtMs,
    promisedSeenAtMs: before?.promisedSeenAtMs ?? null,
    votes: before?.votes ?? entry.votes,
  };
}
