import { carryOut, heal } from './faults.ts';
import type { Violation } from './oracle.ts';
import type { Plan } from './plan.ts';
import { checkLiveness, checkTiming } from './liveness.ts';
import { World, type WorldOptions } from './world.ts';

export interface RunResult {
  readonly violation: Violation | null;
  readonly events: number;
  readonly fencings: number;
  readonly executions: number;
  readonly writes: number;
}

const MINUTE = 60_000;
/** Until everything is back after the last fault; a machine boots within 15 s. */
const RECOVERED_AFTER_MS = 90_000;

/** The whole of one plan, from the first boot to the last check. */
export function runPlan(plan: Plan, options: WorldOptions = {}): RunResult {
  const world = new World(plan.cluster, options);
  for (const command of plan.commands) world.engine.at(command.at, () => carryOut(world, command));
  const { healAt, minutes, profile } = plan.cluster;
  if (healAt !== null) world.engine.at(healAt, () => heal(world));
  if (profile === 'nominal') checkTiming(world, plan);
  if (healAt !== null) world.engine.at(healAt + RECOVERED_AFTER_MS, () => checkLiveness(world));
  world.engine.run(minutes * MINUTE);
  const { oracle, engine, store } = world;
  return {
    violation: oracle.violation,
    ...{ events: engine.events, fencings: oracle.fencings, executions: oracle.executions, writes: store.writes },
  };
}
