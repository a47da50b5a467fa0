import type { Plan } from './plan.ts';
import { SeededRandom } from './random.ts';

const MINUTE = 60_000;
const FIRST_MS = 15_000;
/** Much longer, and all has ended that could have been disturbed. */
const AGE_MAX_MS = 200_000;

/** The plan, and besides a store that is set back under the running nodes to a copy of some seconds or minutes before. */
export function withStoreSetBack(plan: Plan): Plan {
  const { seed, minutes } = plan.cluster;
  const random = new SeededRandom(seed, 'set-back');
  const endMs = minutes * MINUTE;
  const saveAt = random.between(FIRST_MS, endMs / 2);
  const restoreAt = random.between(saveAt, Math.min(endMs, saveAt + AGE_MAX_MS));
  const setBack: Plan['commands'] = [
    { at: saveAt, do: 'save-store' },
    { at: restoreAt, do: 'restore-store' },
  ];
  return { ...plan, commands: [...plan.commands, ...setBack] };
}
