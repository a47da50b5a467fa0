/** `npm run check`: everything that must hold before a commit and needs no lab. Goes on after a failure, to show all of them. */
import { CHECK_STEPS, runStep } from './check-steps.ts';

const steps = [...CHECK_STEPS, { name: 'unit tests', argv: ['vitest', 'run', '--project', 'unit'] } as const];
const failed = steps.filter((step) => !runStep(step)).map((step) => step.name);
if (failed.length > 0) {
  console.error(`check failed: ${failed.join(', ')}`);
  process.exit(1);
}
