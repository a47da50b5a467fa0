/** `npm run sim:exhaustive`: every order of events for one to three voters, and every deliberate breakage. Exits with 1 if one is wrong. */
import { explore } from './explore.ts';
import { MUTATIONS } from './mutations.ts';
import { CHANGE, settingFor } from './settings.ts';
import type { Setting } from './world.ts';

const SAFE: readonly { readonly name: string; readonly setting: Setting }[] = [
  { name: '1 voter, agents start anew', setting: settingFor(1, { restarts: true }) },
  { name: '2 voters', setting: settingFor(2) },
  {
    name: '2 voters, one vote takes over, both must promise',
    setting: settingFor(2, { votesNeeded: 1, votesTaken: 1 }),
  },
  { name: '2 voters, agents start anew', setting: settingFor(2, { restarts: true }) },
  { name: '1 voter, then another one', setting: CHANGE },
  { name: '3 voters', setting: settingFor(3) },
];

let wrong = 0;

function run(name: string, setting: Setting, broken: boolean): void {
  const startedMs = performance.now();
  const { states, violation } = explore(setting);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  const right = (violation !== null) === broken;
  if (!right) wrong += 1;
  const verdict = violation === null ? 'safe' : `two copies after ${violation.length - 1} steps`;
  console.log(`${right ? 'ok   ' : 'WRONG'} ${name}: ${verdict} (${states} states, ${seconds} s)`);
  if (!right && violation !== null) console.log(violation.map((step) => `        ${step}`).join('\n'));
}

for (const { name, setting } of MUTATIONS) run(name, setting, true);
for (const { name, setting } of SAFE) run(name, setting, false);
process.exitCode = wrong === 0 ? 0 : 1;
