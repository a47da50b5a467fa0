import { describe, expect, test } from 'vitest';
import { SignInLimit } from './sign-in-limit.ts';

function fail(limit: SignInLimit, address: string, times: number): void {
  for (let count = 0; count < times; count += 1) limit.begin(address, 0);
}

describe('the limit of wrong passwords', () => {
  test('lets ten through, then one each half minute', () => {
    const limit = new SignInLimit();
    fail(limit, '10.0.0.1', 9);
    expect(limit.waitMs('10.0.0.1', 0)).toBe(0);
    fail(limit, '10.0.0.1', 1);
    expect(limit.waitMs('10.0.0.1', 0)).toBe(30_000);
    expect(limit.waitMs('10.0.0.1', 29_000)).toBe(1000);
    expect(limit.waitMs('10.0.0.1', 30_000)).toBe(0);
  });

  test('forgets the failures of an address once the right one came', () => {
    const limit = new SignInLimit();
    fail(limit, '10.0.0.1', 10);
    limit.succeeded('10.0.0.1', 0);
    expect(limit.waitMs('10.0.0.1', 0)).toBe(0);
  });

  test('guesses from many addresses wait for each other, not those who have signed in before', () => {
    const limit = new SignInLimit();
    limit.begin('10.0.0.1', 0);
    limit.succeeded('10.0.0.1', 0);
    for (let host = 1; host <= 60; host += 1) fail(limit, `192.0.2.${host}`, 1);
    expect(limit.waitMs('198.51.100.1', 0)).toBe(5000);
    expect(limit.waitMs('10.0.0.1', 0)).toBe(0);
  });

  test.each([
    ['2001:db8:1:2:3::1', '2001:db8:1:2:ffff::9', false],
    ['2001:db8::1', '2001:db8:0:0:1::1', false],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', true],
    ['::ffff:10.0.0.1', '10.0.0.1', false],
    ['10.0.0.1', '10.0.0.2', true],
  ])('%s and %s: another source is %s', (failing, asking, isOther) => {
    const limit = new SignInLimit();
    fail(limit, failing, 10);
    expect(limit.waitMs(asking, 0) === 0).toBe(isOther);
  });
});
