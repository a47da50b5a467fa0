import { describe, expect, test } from 'vitest';
import { runScenario, scenarioNames } from './scenarios.ts';

describe('scenarios: accept a new log by `npm run sim -- --update`', () => {
  test('there are at least 40', () => expect(scenarioNames().length).toBeGreaterThanOrEqual(40));

  test.each(scenarioNames())('%s', (name) => {
    const { actual, expected, broken } = runScenario(name);
    expect(broken).toBeNull();
    expect(actual).toBe(expected);
  });
});
