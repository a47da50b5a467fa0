import { expect, test } from 'vitest';
import { isRenewalDue } from './certificate-life.ts';

test('a certificate is renewed when two thirds of its life are over', () => {
  const life = { notBeforeMs: 1000, notAfterMs: 4000 };
  expect(isRenewalDue(life, 2999)).toBe(false);
  expect(isRenewalDue(life, 3000)).toBe(true);
});
