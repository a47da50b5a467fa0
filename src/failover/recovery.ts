// What becomes of the VMs of fenced nodes. Level-triggered: decided anew from the state after every change, so any agent can go on
// where another one stopped. Every decision carries the one transaction that carries it out; of two that compete one fails.
import type { NodeMembership } from '../model/authority.ts';
import type { ClusterState, Now, Versioned, VmEntry } from '../model/cluster-state.ts';
import type { NewEvent } from '../model/events.ts';
import { keys } from '../model/keys.ts';
import type { NodeName, VmName } from '../model/names.ts';
import type { Compare, Transaction, Write } from '../model/transaction.ts';
import type { VmStatus } from '../model/vm.ts';
import { whyChosen } from '../placement/choose-node.ts';
import { nodesForPlacement, vmsOwnedBy } from '../placement/occupancy.ts';
import { type Placement, Room } from '../placement/room.ts';
import type { ScoreTerm } from '../placement/score.ts';
import type { PlacementNeeds } from '../placement/why-not-place.ts';
import { assignTransaction, type Assignment, comparesOfVm } from './assign.ts';
import { compareRecoveryOrder } from './recovery-order.ts';
import { isGuarded, mayHaveProcess, provenQuiet } from './proven-quiet.ts';
import { needsOf } from './recovery-needs.ts';
import { whyWaiting } from './why-waiting.ts';

export type RecoveryKind =
  /** Some VMs get a new owner, which starts them. */
  | 'assign'
  /** No node can take them now. */
  | 'wait'
  /** Their migration is open: see settle-intent.ts first. */
  | 'settle'
  /** They were to be turned off, and now they are. */
  | 'turned-off'
  /** They are not highly available. */
  | 'not-recovered';

export interface RecoveredVm {
  readonly vm: VmName;
  /** The fenced node. */
  readonly from: NodeName;
  /** One sentence. */
  readonly reason: string;
  /** Why this node; empty unless it was chosen. */
  readonly terms: readonly ScoreTerm[];
}

export interface RecoveryDecision {
  readonly kind: RecoveryKind;
  /** Names the decision, for how long it has been due: see rank.ts. */
  readonly key: string;
  /** The new owner; null unless the kind is `assign`. */
  readonly to: NodeName | null;
  readonly vms: readonly RecoveredVm[];
  /** Null: there is nothing to write (any more). */
  readonly transaction: Transaction | null;
  /** To be said once the transaction has been applied. */
  readonly events: readonly NewEvent[];
}

/** VMs per transaction: four compares and two writes each, and the database takes 128. */
const BATCH = 20;
/** VMs placed in one round of decisions; the next round follows when the first transactions are through. */
const ROUND = 2000;

/**
 * All that is due for the VMs of fenced nodes. One transaction per new owner, with up to 20 VMs, the most important ones first: they
 * compare that owner's memory, so two for the same owner cannot both be applied; those for different owners do not disturb
 * each other and may be sent together. What did not fit into a transaction is decided in the next round.
 */
export function decideRecovery(state: ClusterState, now: Now): RecoveryDecision[] {
  const fenced = [...state.nodes].flatMap(([name, { membership }]) =>
    membership?.value.state === 'fenced' ? [{ name, membership }] : [],
  );
  const found = fenced.flatMap(({ name, membership }) =>
    vmsOwnedBy(state, name).flatMap((entry) => lookAt(entry, { name, membership })),
  );
  if (found.length === 0) return [];
  const of = (kind: RecoveryKind) => found.filter((one) => one.kind === kind);
  return [
    ...placeAll(state, now, of('assign')),
    ...of('settle').map((one) => decision({ kind: 'settle', found: [one], status: null, now })),
    ...batches(of('turned-off'), BATCH).map((batch) =>
      decision({ kind: 'turned-off', found: batch, status: turnedOff, now }),
    ),
    ...batches(of('not-recovered'), BATCH).map((batch) =>
      decision({ kind: 'not-recovered', found: batch, status: notRecovered, now }),
    ),
  ];
}

interface FencedNode {
  readonly name: NodeName;
  readonly membership: Versioned<NodeMembership>;
}

interface Found {
  readonly kind: RecoveryKind;
  readonly entry: VmEntry;
  readonly from: FencedNode;
  readonly reason: string;
}

function lookAt(entry: VmEntry, from: FencedNode): Found[] {
  const { highlyAvailable, desired, request } = entry.record.value;
  const status = entry.status?.value ?? null;
  const why = whyFenced(from);
  if (entry.intent !== null) {
    return [{ kind: 'settle', entry, from, reason: `${why}, while it was being migrated.` }];
  }
  const pending = request !== null && request.id !== (status?.settledRequest ?? null) ? request.action : null;
  const quiet = provenQuiet(from.membership, isGuarded(entry));
  if (desired === 'off') {
    const settled = pending === null && !mayHaveProcess(entry) && status?.state !== 'starting';
    if (settled || !quiet || pending === 'delete') return [];
    return [{ kind: 'turned-off', entry, from, reason: `${why}, and it was to be off.` }];
  }
  if (highlyAvailable && quiet) {
    const lost = status?.state === 'paused' ? '; it was paused there, its memory is lost, and it boots anew' : '';
    return [{ kind: 'assign', entry, from, reason: `${why}${lost}` }];
  }
  const not = highlyAvailable ? 'It had not become highly available there yet' : 'It is not highly available';
  const unknown = quiet ? '' : '; nobody knows whether it still runs there';
  const reason = `${why}. ${not}, so it is not started elsewhere${unknown}.`;
  return status?.reason === reason ? [] : [{ kind: 'not-recovered', entry, from, reason }];
}

/** Without a full stop. */
function whyFenced({ name, membership }: FencedNode): string {
  if (membership.value.state !== 'fenced') return `${name} was fenced`;
  const { evidence } = membership.value;
  switch (evidence.kind) {
    case 'votes':
      return `${name} was fenced: ${evidence.voters.join(', ')} had not heard of it for its takeover time`;
    case 'power-off':
      return `${name} was fenced: its power is off`;
    case 'confirmed':
      return `${name} was fenced: ${evidence.by} confirmed that it is dead`;
    case 'goodbye':
      return `${name} has said goodbye`;
  }
}

function placeAll(state: ClusterState, now: Now, found: readonly Found[]): RecoveryDecision[] {
  if (found.length === 0) return [];
  const nodes = nodesForPlacement(state, now);
  const room = Room.of(nodes);
  const ordered = [...found].sort((a, b) => compareRecoveryOrder(a.entry.record.value, b.entry.record.value));
  let placed = 0;
  const byTarget = new Map<NodeName, { readonly one: Found; readonly assignment: Assignment }[]>();
  const waiting: Found[] = [];
  for (const one of ordered) {
    if (placed >= ROUND) break;
    const needs = needsOf(one.entry, now);
    const placement = room.place(needs);
    if (placement === null) waiting.push(waitingOf(one, room, needs));
    else {
      placed += 1;
      add(byTarget, placement.node, { one, assignment: assignmentOf(one, placement, needs) });
    }
  }
  const assigned = [...byTarget].map(([to, all]) => assignDecision(state, now, { to, all: all.slice(0, BATCH) }));
  const news = waiting.filter(({ entry, reason }) => entry.status?.value.reason !== reason);
  const old = waiting.filter((one) => !news.includes(one));
  return [
    ...assigned,
    ...batches(news, BATCH).map((batch) => decision({ kind: 'wait', found: batch, status: waits, now })),
    ...(old.length === 0 ? [] : [decision({ kind: 'wait', found: old, status: null, now })]),
  ];
}

function add<T>(map: Map<NodeName, T[]>, key: NodeName, value: T): void {
  const there = map.get(key);
  if (there === undefined) map.set(key, [value]);
  else there.push(value);
}

function assignmentOf({ entry, reason }: Found, placement: Placement, needs: PlacementNeeds): Assignment {
  return { entry, reason: `${reason}. ${whyChosen(placement, needs)}`, terms: placement.terms() };
}

function waitingOf(one: Found, room: Room, needs: PlacementNeeds): Found {
  const why = whyWaiting(room.obstacles(needs).filter(({ node }) => node !== one.from.name));
  return { ...one, reason: `It waits: ${one.reason}, and no node can take it (${why}).` };
}

function assignDecision(
  state: ClusterState,
  now: Now,
  { to, all }: { to: NodeName; all: readonly { one: Found; assignment: Assignment }[] },
): RecoveryDecision {
  const vms = all.map(({ one, assignment }) => ({
    ...{ vm: nameOf(one.entry), from: one.from.name },
    ...{ reason: assignment.reason, terms: assignment.terms },
  }));
  const fencedCompares = comparesOfNodes(all.map(({ one }) => one.from));
  const assignments = all.map(({ assignment }) => assignment);
  return {
    ...{ kind: 'assign', key: `recover:${to}`, to, vms },
    transaction: assignTransaction(state, now, { to, assignments, takenOver: true, compare: fencedCompares }),
    events: vms.map(({ vm, from, reason }) => ({
      ...{ kind: 'vm-recovered', critical: true, node: to, vm },
      text: `${vm} is started on ${to}; it was on ${from}.`,
      reason,
    })),
  };
}

function nameOf(entry: VmEntry): VmName {
  return entry.record.value.definition.name;
}

function comparesOfNodes(nodes: readonly FencedNode[]): Compare[] {
  const byName = new Map(nodes.map(({ name, membership }) => [name, membership.modRevision]));
  return [...byName].map(([name, modRevision]) => ({ key: keys.nodeMembership(name), modRevision }));
}

type StatusOf = (one: Found) => Pick<VmStatus, 'state' | 'instance' | 'guarded'> & { readonly settle: boolean };

const waits: StatusOf = () => ({ state: 'starting', instance: null, settle: false });
const turnedOff: StatusOf = () => ({ state: 'off', instance: null, settle: true });
const UNKNOWN_INSTANCE = 'unknown';
/** A copy that may still be there keeps its name, and that no guard stops it, so that nobody starts another one: see proven-quiet.ts. */
const notRecovered: StatusOf = ({ entry, from }) => {
  if (provenQuiet(from.membership, false)) return { state: 'failed', instance: null, settle: false };
  const { instance: known = null, guarded } = entry.status?.value ?? {};
  // One that has just arrived there is not known by name yet.
  const instance = known ?? (mayHaveProcess(entry) ? UNKNOWN_INSTANCE : null);
  return { state: 'failed', instance, settle: false, ...(guarded !== undefined && { guarded }) };
};

interface DecisionInput {
  readonly kind: Exclude<RecoveryKind, 'assign'>;
  readonly found: readonly Found[];
  /** Null: nothing is written. */
  readonly status: StatusOf | null;
  readonly now: Now;
}

function decision({ kind, found, status, now }: DecisionInput): RecoveryDecision {
  const vms = found.map(({ entry, from, reason }) => ({ vm: nameOf(entry), from: from.name, reason, terms: [] }));
  const key = `${kind}:${vms[0]?.vm ?? ''}`;
  if (status === null) return { kind, key, to: null, vms, transaction: null, events: [] };
  const transaction = {
    compare: [...comparesOfNodes(found.map(({ from }) => from)), ...found.flatMap(({ entry }) => comparesOfVm(entry))],
    write: found.map(
      (one): Write => ({ put: keys.vmStatus(nameOf(one.entry)), value: statusValue(one, status(one), now) }),
    ),
  };
  return { kind, key, to: null, vms, transaction, events: found.map((one) => eventOf(kind, one)) };
}

function statusValue({ entry, from, reason }: Found, change: ReturnType<StatusOf>, now: Now): VmStatus {
  const before = entry.status?.value;
  const { settle, ...state } = change;
  const { bootId, restarts } = before ?? {};
  return {
    ...{ ...state, node: from.name, reason, since: new Date(now.wallMs).toISOString(), error: null },
    settledRequest: settle ? (entry.record.value.request?.id ?? null) : (before?.settledRequest ?? null),
    ...(bootId !== undefined && { bootId }),
    ...(restarts !== undefined && { restarts }),
  };
}

function eventOf(kind: DecisionInput['kind'], { entry, from, reason }: Found): NewEvent {
  const vm = nameOf(entry);
  const about = { node: from.name, vm, reason };
  switch (kind) {
    case 'wait':
      return { ...about, kind: 'vm-waits', critical: true, text: `${vm} waits for a node that can take it.` };
    case 'turned-off':
      return { ...about, kind: 'vm-settled', critical: false, text: `${vm} is off.` };
    case 'not-recovered':
      return { ...about, kind: 'vm-failed', critical: true, text: `${vm} is not started elsewhere.` };
    case 'settle':
      return { ...about, kind: 'vm-waits', critical: false, text: `The migration of ${vm} is settled first.` };
  }
}

function batches<T>(all: readonly T[], size: number): T[][] {
  const made: T[][] = [];
  for (let start = 0; start < all.length; start += size) made.push(all.slice(start, start + size));
  return made;
}
