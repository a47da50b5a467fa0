// How many votes a takeover needs, how many promises keep a node alive without the store, and after how long a silence others may
// vote. Any set of voters that can take a node over shares a voter with any set whose promises keep it alive.
import {
  AUTHORITY_MS,
  CLOCK_RATE_ERROR,
  GUARD_PERIOD_MS,
  QUIET_GRACE_MS,
  type TakeoverTerms,
} from '../model/authority.ts';
import type { NodeName } from '../model/names.ts';

/** Store members below which nobody is taken over by votes: two cannot tell a dead node from a cut cable. */
export const MEMBERS_FOR_VOTES = 3;
const ROUND_TO_MS = 500;

export interface TermsInput {
  readonly node: NodeName;
  /** Nodes that have a member of the store. */
  readonly storeMembers: readonly NodeName[];
  /** As granted by the driver of the guard's armed watchdog; null: nothing would reset the node. A witness has none. */
  readonly watchdogMs: number | null;
  /** Whether the cluster fails over by itself. */
  readonly armed: boolean;
}

/** The terms that a node's heartbeat is to have. */
export function takeoverTerms({ node, storeMembers, watchdogMs, armed }: TermsInput): TakeoverTerms {
  const voters = votersAbout(node, storeMembers);
  const possible = armed && watchdogMs !== null && storeMembers.length >= MEMBERS_FOR_VOTES;
  return {
    voters,
    votesNeeded: votesNeeded(voters.length, storeMembers.length),
    takeoverMs: possible ? takeoverMs(AUTHORITY_MS, fenceBoundMs(watchdogMs)) : null,
  };
}

/** A witness has nothing to take over: it only heartbeats and votes. */
export const WITNESS_TERMS: TakeoverTerms = { voters: [], votesNeeded: 1, takeoverMs: null };

/** Who votes about a node: the agents on the other members of the store, sorted by name. */
export function votersAbout(node: NodeName, storeMembers: readonly NodeName[]): NodeName[] {
  return [...new Set(storeMembers)].filter((member) => member !== node).sort();
}

/** Votes for a takeover: as many as the store needs members to write it at all, or every voter there is. At least 1. */
export function votesNeeded(voters: number, storeMembers: number): number {
  return Math.max(1, Math.min(voters, Math.floor(storeMembers / 2) + 1));
}

/** Promises that keep a node's authority alive: so many that a takeover lacks a vote. At least 1. */
export function promisesNeeded(terms: TakeoverTerms): number {
  return Math.max(1, terms.voters.length - terms.votesNeeded + 1);
}

/**
 * The longest time from the end of authority until a node whose guard stands still is reset: it may stop between looking at the clock
 * and keeping the watchdog quiet, for almost one timeout, and then the watchdog counts a second one.
 */
export function fenceBoundMs(watchdogMs: number): number {
  return 2 * watchdogMs - GUARD_PERIOD_MS;
}

/**
 * Silence after which a voter may vote: authority and fence bound on the slowest clock, counted on the fastest, and what
 * the agent may take to stop guests. Rounded up to half seconds.
 */
export function takeoverMs(authorityMs: number, fenceMs: number): number {
  const stretched = ((authorityMs + fenceMs) * (1 + CLOCK_RATE_ERROR)) / (1 - CLOCK_RATE_ERROR);
  return Math.ceil((stretched + QUIET_GRACE_MS) / ROUND_TO_MS) * ROUND_TO_MS;
}

/** Whether these promises, all asked for in one round, rule out that the node is taken over under these terms. */
export function promisesSuffice(terms: TakeoverTerms, granted: readonly NodeName[]): boolean {
  if (terms.takeoverMs === null) return true;
  let count = 0;
  for (const voter of terms.voters) if (granted.includes(voter)) count += 1;
  return count >= promisesNeeded(terms);
}

export function sameTerms(a: TakeoverTerms, b: TakeoverTerms): boolean {
  if (a === b) return true;
  if (a.votesNeeded !== b.votesNeeded || a.takeoverMs !== b.takeoverMs || a.voters.length !== b.voters.length)
    return false;
  return a.voters.every((voter, index) => voter === b.voters[index]);
}
