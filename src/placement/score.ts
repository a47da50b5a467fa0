// How good a node is for a VM that it can take: as if the VM were already there. Lower is better; the sum of terms that can be
// shown one by one. Memory counts most: it is what runs out, and it is never overcommitted.
import type { NodeName, VmName } from '../model/names.ts';

const WEIGHTS = {
  /** Of the fullest node's memory, 0 to 1. */
  maxMemory: 10,
  /** Of the root mean square of all nodes' memory, 0 to 1: prefers the emptier ones of those that are not the fullest. */
  rmsMemory: 5,
  /** Of virtual processors per processor, on the node where it is highest. */
  maxCpu: 2,
  rmsCpu: 1,
  /** For each time the node was fenced within the last day. */
  failure: 0.1,
  /** For a node behind the first of the preferred owners, by rank. */
  preferredRank: 1,
  /** For a node that is none of the preferred owners, if there are any: outweighs every load of memory. */
  notPreferred: 20,
} as const;

/** Scores closer than this are equal: sums of the same figures in another order differ in the last digits. */
export const EQUAL_SCORE = 1e-9;

/** Loads of all nodes with the VM on the node in question: memory taken over memory offered, virtual processors over processors. */
export interface LoadsWithVm {
  readonly maxMemory: number;
  readonly rmsMemory: number;
  readonly maxCpu: number;
  readonly rmsCpu: number;
}

/** What speaks for or against the node besides loads. */
export interface NodeStanding {
  readonly recentFailures: number;
  /** Position among the preferred owners, from 0; `none`: none is preferred; `not-preferred`: others are. */
  readonly preference: number | 'none' | 'not-preferred';
}

/** A score is the cost of the loads and that of the standing. */
export function loadsCost(loads: LoadsWithVm): number {
  return (
    WEIGHTS.maxMemory * loads.maxMemory +
    WEIGHTS.rmsMemory * loads.rmsMemory +
    WEIGHTS.maxCpu * loads.maxCpu +
    WEIGHTS.rmsCpu * loads.rmsCpu
  );
}

export function standingCost({ recentFailures, preference }: NodeStanding): number {
  return WEIGHTS.failure * recentFailures + preferenceCost(preference);
}

function preferenceCost(preference: NodeStanding['preference']): number {
  if (preference === 'none') return 0;
  return preference === 'not-preferred' ? WEIGHTS.notPreferred : WEIGHTS.preferredRank * preference;
}

/** One summand of a score, for who asks why a VM is where it is. */
export interface ScoreTerm {
  readonly what: string;
  readonly cost: number;
}

export function scoreTerms(loads: LoadsWithVm, standing: NodeStanding): ScoreTerm[] {
  const percent = (load: number) => `${Math.round(load * 100)} %`;
  const { recentFailures, preference } = standing;
  const terms: ScoreTerm[] = [
    { what: `memory of the fullest node ${percent(loads.maxMemory)}`, cost: WEIGHTS.maxMemory * loads.maxMemory },
    { what: `memory over all nodes ${percent(loads.rmsMemory)}`, cost: WEIGHTS.rmsMemory * loads.rmsMemory },
    { what: `processors of the busiest node ${percent(loads.maxCpu)}`, cost: WEIGHTS.maxCpu * loads.maxCpu },
    { what: `processors over all nodes ${percent(loads.rmsCpu)}`, cost: WEIGHTS.rmsCpu * loads.rmsCpu },
  ];
  if (recentFailures > 0) {
    terms.push({ what: `fenced ${recentFailures} times within a day`, cost: WEIGHTS.failure * recentFailures });
  }
  if (preference !== 'none') {
    const what = preference === 'not-preferred' ? 'no preferred owner' : `preferred owner number ${preference + 1}`;
    terms.push({ what, cost: preferenceCost(preference) });
  }
  return terms;
}

/** Decides between equal nodes, always in the same way, and differently for different VMs so that they spread. FNV-1a, 32 bits. */
export function tieBreaker(vm: VmName, node: NodeName): number {
  let hash = 0x811c9dc5;
  const text = `${vm}/${node}`;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
