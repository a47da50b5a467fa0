import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterPlan, VmPlan } from './cluster-plan.ts';
import type { Command } from './commands.ts';
import type { Plan } from './plan.ts';
import { runPlan } from './run.ts';
import { type StoryEvent, storyText } from './story.ts';

const FOLDER = join(import.meta.dirname, 'scenarios');

/** `plan.json` of a scenario: what differs from a calm cluster of three nodes with a watchdog and one VM per node. */
interface ScenarioPlan {
  readonly cluster?: Partial<
    Pick<
      ClusterPlan,
      'seed' | 'nodes' | 'witness' | 'spares' | 'profile' | 'watchdogMs' | 'controllers' | 'nodeMemoryMiB'
    >
  >;
  readonly vms?: readonly (Pick<VmPlan, 'name' | 'node'> & Partial<VmPlan>)[];
  readonly minutes?: number;
  readonly commands: readonly Command[];
}

export interface Scenario {
  readonly name: string;
  readonly expected: string;
  readonly actual: string;
  readonly broken: string | null;
}

export function scenarioNames(): string[] {
  return readdirSync(FOLDER, { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
    .sort();
}

export function runScenario(name: string): Scenario {
  const folder = join(FOLDER, name);
  const plan = JSON.parse(readFileSync(join(folder, 'plan.json'), 'utf8')) as ScenarioPlan;
  const lines: string[] = [];
  const tell = (at: number, event: StoryEvent) => {
    // How the cluster comes up is the same everywhere, and no part of the story.
    if (at >= FIRST_MS && event.kind !== 'status') lines.push(storyText(at, event));
  };
  const { violation } = runPlan(whole(plan), { tell });
  return { name, expected: expectedOf(folder), actual: `${lines.join('\n')}\n`, broken: violation?.text ?? null };
}

/** When everything runs. */
const FIRST_MS = 9000;

/** Accepts every log as it is; returns the names of those that have changed. */
export function updateScenarios(): string[] {
  return scenarioNames().flatMap((name) => {
    const { expected, actual, broken } = runScenario(name);
    if (broken !== null) return [`${name}: not accepted, ${broken}`];
    if (expected === actual) return [];
    writeFileSync(join(FOLDER, name, 'log.expect'), actual);
    return [name];
  });
}

function expectedOf(folder: string): string {
  try {
    return readFileSync(join(folder, 'log.expect'), 'utf8');
  } catch {
    return '';
  }
}

function whole({ cluster = {}, vms, minutes = 2, commands }: ScenarioPlan): Plan {
  const nodes = cluster.nodes ?? ['node1', 'node2', 'node3'];
  const some = vms ?? nodes.map((node, index) => ({ name: `vm${index + 1}`, node }));
  return {
    cluster: {
      ...{ seed: 1, profile: 'safety', nodes, witness: 'none', watchdogMs: 2000, controllers: false },
      ...{ nodeMemoryMiB: 8192, minutes, healAt: null, clockRates: [] },
      ...cluster,
      vms: some.map((vm) => ({
        ...{ memoryMiB: 512, highlyAvailable: true, priority: 'medium', antiAffinity: [], possibleOwners: [] },
        ...vm,
      })),
    },
    commands,
  };
}
