import type { Priority } from '../src/model/availability.ts';

export const PROFILES = ['nominal', 'safety', 'liveness', 'upgrade', 'membership'] as const;
export type Profile = (typeof PROFILES)[number];

export interface VmPlan {
  readonly name: string;
  readonly node: string;
  readonly memoryMiB: number;
  readonly highlyAvailable: boolean;
  readonly priority: Priority;
  readonly antiAffinity: readonly string[];
  readonly possibleOwners: readonly string[];
  /** It goes back to them when they are back. */
  readonly preferredOwners?: readonly string[];
}

/** What the simulated cluster is made of. */
export interface ClusterPlan {
  readonly seed: number;
  readonly profile: Profile;
  readonly nodes: readonly string[];
  /** `agent`: a machine with a member of the store and an agent that votes; `store`: only a member of the store. */
  readonly witness: 'none' | 'agent';
  /** Machines that may join later. */
  readonly spares?: readonly string[];
  readonly watchdogMs: number | null;
  readonly controllers: boolean;
  readonly nodeMemoryMiB: number;
  readonly vms: readonly VmPlan[];
  /** Faster or slower by this part; by machine. */
  readonly clockRates: readonly number[];
  readonly minutes: number;
  /** From then on nothing is wrong any more, and everything must come back; null: faults until the end. */
  readonly healAt: number | null;
}
