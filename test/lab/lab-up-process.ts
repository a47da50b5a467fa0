/** Brings a lab of dummies up in a process of its own, for tests that kill it on the way. Prints one line per step. */
import { labUp } from '../../src/lab/lab.ts';

const [name = ''] = process.argv.slice(2);
await labUp({ name, agentCommand: ['sleep', '1000'], progress: (line) => console.log(line) });
