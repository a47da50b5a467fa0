import { describe, expect, test } from 'vitest';
import { explore } from './explore.ts';
import { MUTATIONS } from './mutations.ts';
import { CHANGE, settingFor } from './settings.ts';

describe('every order of events of one node and its voters', () => {
  test('with one voter and agents that start anew, no two nodes run the same VM', () => {
    const { violation, states } = explore(settingFor(1, { restarts: true }));
    expect(violation).toBeNull();
    expect(states).toBeGreaterThan(10_000);
  }, 120_000);

  test('with two voters neither', () => {
    const { violation, states } = explore(settingFor(2));
    expect(violation).toBeNull();
    expect(states).toBeGreaterThan(100_000);
  }, 120_000);

  test('while its voters change neither', () => {
    const { violation, states, cutShort } = explore(CHANGE);
    expect(violation).toBeNull();
    expect(cutShort).toBe(false);
    expect(states).toBeGreaterThan(100_000);
  }, 120_000);

  test.each(MUTATIONS)(
    'it is found when $name',
    ({ setting }) => {
      expect(explore(setting, 2_000_000).violation).not.toBeNull();
    },
    120_000,
  );
});
