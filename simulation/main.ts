/** `npm run sim`: see docs/simulation.md. */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { caughtAt } from './mutation-gate.ts';
import { MUTATIONS } from './mutations.ts';
import { type Profile, PROFILES } from './cluster-plan.ts';
import { planOf } from './plan.ts';
import { failureReport, traceOf } from './report.ts';
import { runPlan } from './run.ts';
import { printScale } from './scale.ts';
import { printWorld } from './scale-world.ts';
import { updateScenarios } from './scenarios.ts';

const USAGE = `npm run sim -- [--seed N] [--seeds M] [--profile ${PROFILES.join('|')}]
npm run sim -- --scale NODESxVMS   decisions of a large cluster; up to 64 nodes also the whole of it
npm run sim -- --mutation NAME  whether the protocol, broken in this place, is caught
npm run sim -- --update        accepts the logs of all scenarios as they are now

With one seed everything that happens is printed; the same seed gives the same text, byte for byte.
With --seeds M seeds are run from --seed (default 1) on; without --profile all profiles take turns.`;

function main(): void {
  const { values } = parseArgs({
    options: {
      ...{
        seed: { type: 'string' },
        seeds: { type: 'string' },
        profile: { type: 'string' },
        scale: { type: 'string' },
      },
      ...{ mutation: { type: 'string' }, update: { type: 'boolean' }, help: { type: 'boolean' } },
    },
  });
  const profile = PROFILES.find((one) => one === values.profile);
  if (values.help === true || (values.profile !== undefined && profile === undefined)) {
    console.log(USAGE);
    process.exitCode = values.help === true ? 0 : 2;
  } else if (values.update === true) {
    for (const line of updateScenarios()) console.log(line);
  } else if (values.mutation !== undefined) runMutation(values.mutation);
  else if (values.scale !== undefined) runScale(values.scale);
  else if (values.seeds === undefined && values.seed !== undefined) runOne(Number(values.seed), profile ?? 'safety');
  else runMany(Number(values.seed ?? 1), Number(values.seeds ?? 100), profile);
}

/** Every agent has its own view of everything: more than this many do not fit into memory. */
const WHOLE_WORLD_NODES = 64;

function runScale(size: string): void {
  const [nodes = 0, vms = 0] = size.split('x').map(Number);
  if (!(nodes > 0) || !(vms > 0)) throw new Error(`not a size: ${size} (64x8000)`);
  printScale(nodes, vms);
  if (nodes <= WHOLE_WORLD_NODES) printWorld(nodes, vms);
}

function runMutation(name: string): void {
  const mutation = MUTATIONS.find((one) => one.name === name);
  if (mutation === undefined) throw new Error(`there is no mutation ${name}`);
  const seed = caughtAt(mutation);
  console.log(seed === null ? `nobody notices that ${mutation.what}` : `${name}: caught by seed ${seed}`);
  process.exitCode = seed === null ? 1 : 0;
}

function runOne(seed: number, profile: Profile): void {
  for (const line of traceOf(planOf(seed, profile))) console.log(line);
  if (runPlan(planOf(seed, profile)).violation === null) return;
  for (const line of failureReport(seed, profile, { commit: commitOf() })) console.log(line);
  process.exitCode = 1;
}

function runMany(first: number, count: number, only: Profile | undefined): void {
  const started = process.hrtime.bigint();
  let failed = 0;
  let events = 0;
  for (let seed = first; seed < first + count; seed += 1) {
    const profile = only ?? PROFILES[seed % PROFILES.length] ?? 'safety';
    const result = runPlan(planOf(seed, profile));
    events += result.events;
    if (result.violation === null) continue;
    failed += 1;
    for (const line of failureReport(seed, profile, { commit: commitOf() })) console.log(line);
  }
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  console.log(`${count} seeds, ${failed} failed; ${Math.round(events / seconds)} events/s, ${seconds.toFixed(1)} s`);
  process.exitCode = failed === 0 ? 0 : 1;
}

function commitOf(): string {
  const { stdout } = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' });
  return stdout?.trim() || 'unknown';
}

main();
