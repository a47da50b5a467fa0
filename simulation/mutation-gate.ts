import { type Mutation, worldOf } from './mutations.ts';
import { planOf } from './plan.ts';
import { runPlan } from './run.ts';
import { withStoreSetBack } from './set-back.ts';

const SEEDS_MAX = 500;

/** The first seed that catches it; the one that is known to is tried first. Null: none of 500 does. */
export function caughtAt(mutation: Mutation): number | null {
  const catches = (seed: number) => {
    const plan = planOf(seed, mutation.profile);
    return runPlan(mutation.setBack ? withStoreSetBack(plan) : plan, worldOf(mutation)).violation !== null;
  };
  if (catches(mutation.seed)) return mutation.seed;
  for (let seed = 1; seed <= SEEDS_MAX; seed += 1) if (catches(seed)) return seed;
  return null;
}
