import { describe, expect, test } from 'vitest';
import { caughtAt, MUTATIONS } from './mutation-gate.ts';

/** A simulation that does not notice these would not notice a real mistake either. */
describe('the mutation gate', () => {
  test('there are at least 20', () => expect(MUTATIONS.length).toBeGreaterThanOrEqual(20));

  test.each(MUTATIONS.map((mutation) => [mutation.name, mutation] as const))(
    '%s is caught',
    { timeout: 600_000 },
    (_name, mutation) => {
      expect(caughtAt(mutation), `nobody notices that ${mutation.what}`).not.toBeNull();
    },
  );
});
