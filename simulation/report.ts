import type { Profile } from './cluster-plan.ts';
import { type Plan, planOf } from './plan.ts';
import { runPlan } from './run.ts';
import { shrink } from './shrink.ts';
import { storyText } from './story.ts';
import type { WorldOptions } from './world.ts';

const TRACE_LINES = 200;
const SHRINK_TRIES = 120;

/** Everything that happens under a plan, one line each. The same plan always gives the same text. */
export function traceOf(plan: Plan, options: WorldOptions = {}): string[] {
  const lines: string[] = [];
  const result = runPlan(plan, { ...options, tell: (at, event) => lines.push(storyText(at, event)) });
  const { violation, events, writes } = result;
  lines.push(
    `${events} events, ${writes} writes to the store, ${violation === null ? 'no invariant broken' : `${violation.invariant} broken`}`,
  );
  return lines;
}

/** What somebody needs who is to find out why a seed fails. */
export function failureReport(
  seed: number,
  profile: Profile,
  context: { readonly commit: string; readonly options?: WorldOptions },
): string[] {
  const { commit, options = {} } = context;
  const plan = planOf(seed, profile);
  const invariant = runPlan(plan, options).violation?.invariant;
  const fails = (commands: Plan['commands']) =>
    runPlan({ ...plan, commands }, options).violation?.invariant === invariant;
  const commands = shrink(plan.commands, fails, SHRINK_TRIES);
  const { cluster } = plan;
  return [
    `Seed ${seed} of profile ${profile} breaks ${invariant ?? 'nothing'} (commit ${commit}).`,
    `Replay: npm run sim -- --seed ${seed} --profile ${profile}`,
    `Cluster: ${cluster.nodes.length} nodes, witness ${cluster.witness}, watchdog ${cluster.watchdogMs ?? 'none'}, controllers ${cluster.controllers ? 'yes' : 'no'}, ${cluster.vms.length} VMs`,
    `Smallest plan that still breaks it (${commands.length} of ${plan.commands.length} commands):`,
    ...commands.map((command) => `  ${JSON.stringify(command)}`),
    `The last ${TRACE_LINES} lines of its trace:`,
    ...traceOf({ ...plan, commands }, options).slice(-TRACE_LINES),
  ];
}
