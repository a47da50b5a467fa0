/** Who keeps the store: which nodes have a seat in it, and the one change that leads there. Pure. */
import type { NodeName } from '../model/names.ts';
import type { NodeRole } from '../model/node.ts';

/** A member of the store as the planner sees it. */
export interface SeatSight {
  readonly id: string;
  /** Null: no node of the cluster has this address. */
  readonly node: NodeName | null;
  readonly learner: boolean;
  /** Whether it answered just now, with a leader. */
  readonly healthy: boolean;
  readonly leader: boolean;
  /** A learner that has applied all but the newest of the leader's log. */
  readonly caughtUp: boolean;
  /** For how long no node of the cluster has had this seat, by the observer's clock; 0 while one has. */
  readonly strangeForMs: number;
  /** For how long this learner has been one, by the observer's clock. */
  readonly learnerForMs: number;
}

/** A node that may have a seat. */
export interface SeatCandidate {
  readonly name: NodeName;
  readonly role: NodeRole;
  readonly address: string;
  /** For how long nothing has been heard of it, by the observer's clock; null: never heard. */
  readonly silentForMs: number | null;
  /** It had a learner that came to nothing a while ago. */
  readonly failedLately: boolean;
}

export interface SeatsSight {
  readonly seats: readonly SeatSight[];
  readonly candidates: readonly SeatCandidate[];
}

export type SeatChange =
  | { readonly kind: 'add'; readonly node: NodeName; readonly address: string }
  | { readonly kind: 'promote' | 'remove'; readonly node: NodeName | null; readonly id: string };

export interface SeatPlan {
  /** Null: nothing is to be done, or nothing can be done now. */
  readonly change: SeatChange | null;
  readonly reason: string;
}

/** A seat whose node has been silent for this long is given to another. */
export const SEAT_MOVES_AFTER_MS = 10 * 60_000;
/** A learner that has not caught up for this long is taken back. */
export const LEARNER_GIVEN_UP_AFTER_MS = 60_000;
const UP_WITHIN_MS = 3500;

/** Always odd: an even number of seats survives no more losses than the odd number below it. */
export function seatTarget(candidates: readonly Pick<SeatCandidate, 'role'>[]): 1 | 3 | 5 {
  const nodes = candidates.filter((candidate) => candidate.role === 'node').length;
  if (nodes >= 7) return 5;
  return candidates.length >= 3 ? 3 : 1;
}

/** One change at a time, and only while more than half of the seats are well. */
export function planSeats(sight: SeatsSight): SeatPlan {
  const voters = sight.seats.filter((seat) => !seat.learner);
  const healthy = voters.filter((seat) => seat.healthy);
  if (healthy.length * 2 <= voters.length || !voters.some((seat) => seat.leader)) {
    return wait(`${healthy.length} of ${voters.length} seats are well: no change without a majority.`);
  }
  const learner = sight.seats.find((seat) => seat.learner);
  if (learner !== undefined) return planLearner(learner);
  const target = seatTarget(sight.candidates);
  // A node that is evicted loses its seat at once; this is for what was left behind. A node that has not said yet what it is, is none of it.
  const stranger = voters.find((seat) => seat.strangeForMs > SEAT_MOVES_AFTER_MS && canLose(voters, seat));
  if (stranger !== undefined) return remove(stranger, 'its node does not belong to the cluster');
  if (voters.length > target) return shrink(voters, sight, target);
  const dead = voters.find((seat) => isDead(seat, sight) && canLose(voters, seat));
  // Removed ahead of the new one's adding: a dead member and a new one that fails would be two that fail.
  if (dead !== undefined && newSeats(sight).length > 0) return remove(dead, 'its node has been silent for ten minutes');
  if (voters.length < target) return grow(voters, sight, target);
  return wait(`${voters.length} of ${target} seats are taken.`);
}

function planLearner(learner: SeatSight): SeatPlan {
  if (learner.healthy && learner.caughtUp && learner.node !== null) {
    const change = { kind: 'promote' as const, node: learner.node, id: learner.id };
    return { change, reason: `${learner.node} has caught up.` };
  }
  if (learner.learnerForMs >= LEARNER_GIVEN_UP_AFTER_MS) {
    return remove(learner, `it has not caught up within ${LEARNER_GIVEN_UP_AFTER_MS / 1000} s`);
  }
  return wait(`${learner.node ?? `Member ${learner.id}`} is catching up.`);
}

/** An even number is only passed through: the seats grow when there are enough nodes for the next odd number. */
function grow(voters: readonly SeatSight[], sight: SeatsSight, target: number): SeatPlan {
  const needed = voters.length % 2 === 0 ? 1 : 2;
  const able = newSeats(sight);
  const [first] = able;
  if (first === undefined || able.length < needed) {
    return wait(
      `${voters.length} of ${target} seats are taken, and ${able.length} more nodes are up: ${needed} are needed.`,
    );
  }
  const change = { kind: 'add' as const, node: first.name, address: first.address };
  return { change, reason: `${voters.length} of ${target} seats are taken, and ${first.name} is up.` };
}

function shrink(voters: readonly SeatSight[], sight: SeatsSight, target: number): SeatPlan {
  const able = voters.filter((seat) => canLose(voters, seat) && !seat.leader);
  const rank = (seat: SeatSight): number =>
    (seat.healthy ? 0 : 4) + (isDead(seat, sight) ? 2 : 0) + (roleOf(sight, seat) === 'witness' ? 1 : 0);
  const ordered = able.toSorted((one, other) => rank(other) - rank(one) || compareNames(other.node, one.node));
  const [first] = ordered;
  if (first === undefined) return wait(`${voters.length} seats are more than ${target}, but none can be given up now.`);
  return remove(first, `${target} seats are enough`);
}

/** Nodes first, then the witness; by name. */
function newSeats(sight: SeatsSight): SeatCandidate[] {
  const taken = new Set(sight.seats.map((seat) => seat.node));
  return sight.candidates
    .filter((one) => !taken.has(one.name) && !one.failedLately)
    .filter((one) => one.silentForMs !== null && one.silentForMs <= UP_WITHIN_MS)
    .toSorted((one, other) => roleRank(one) - roleRank(other) || compareNames(one.name, other.name));
}

/** Whether the others are a majority of themselves without it. */
function canLose(voters: readonly SeatSight[], seat: SeatSight): boolean {
  const others = voters.filter((other) => other !== seat);
  return others.length > 0 && others.filter((other) => other.healthy).length * 2 > others.length;
}

function isDead(seat: SeatSight, sight: SeatsSight): boolean {
  if (seat.healthy) return false;
  const silentForMs = sight.candidates.find((candidate) => candidate.name === seat.node)?.silentForMs ?? 0;
  return silentForMs > SEAT_MOVES_AFTER_MS;
}

function roleOf(sight: SeatsSight, seat: SeatSight): NodeRole | undefined {
  return sight.candidates.find((candidate) => candidate.name === seat.node)?.role;
}

function roleRank(candidate: SeatCandidate): number {
  return candidate.role === 'node' ? 0 : 1;
}

function compareNames(one: string | null, other: string | null): number {
  const [a, b] = [one ?? '', other ?? ''];
  return a < b ? -1 : a > b ? 1 : 0;
}

function remove(seat: SeatSight, why: string): SeatPlan {
  const change = { kind: 'remove' as const, node: seat.node, id: seat.id };
  return { change, reason: `The seat of ${seat.node ?? `member ${seat.id}`} is given up: ${why}.` };
}

function wait(reason: string): SeatPlan {
  return { change: null, reason };
}
