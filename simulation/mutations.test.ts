import { describe, expect, test } from 'vitest';
import { simulate } from './check-seeds.ts';
import { MUTATIONS } from './mutations.ts';

/** A simulation that does not notice these would not notice a real mistake either. */
describe('the mutation gate', () => {
  test('there are at least 20', () => expect(MUTATIONS.length).toBeGreaterThanOrEqual(20));

  test.each(MUTATIONS.map(({ name }) => name))('%s is caught', { timeout: 900_000 }, async (name) => {
    const { status, output } = await simulate(['--mutation', name]);
    if (status !== 0) expect.fail(output);
  });
});
