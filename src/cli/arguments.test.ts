import { expect, test } from 'vitest';
import { recordOutput } from '../../test/doubles/cli-samples.ts';
import { countWithin } from './arguments.ts';
import { runCommandLine } from './run.ts';

test.each(['1', '40', '5000'])('%s is a count within its bounds', (text) => {
  expect(countWithin(1, 5000)(text)).toBe(Number(text));
});

test.each([
  ['0', 'It must be from 1 to 5000.'],
  ['5001', 'It must be from 1 to 5000.'],
  ['-1', 'It is not a whole number.'],
  ['all', 'It is not a whole number.'],
])('%s is refused', (text, complaint) => {
  expect(() => countWithin(1, 5000)(text)).toThrow(complaint);
});

test.each(['0', '5001'])('`godwit events --limit %s` is refused before any cluster is asked', async (count) => {
  const output = recordOutput();
  expect(await runCommandLine(['events', '--limit', count, '--cluster', 'https://127.0.0.1:1'], output)).toBe(2);
  expect(output.errors.join('\n')).toContain(`argument '${count}' is invalid. It must be from 1 to 5000.`);
});
