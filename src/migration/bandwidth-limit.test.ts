import { expect, test } from 'vitest';
import { smallestLimit } from './bandwidth-limit.ts';

test('the smallest limit holds, and null is none', () => {
  expect(smallestLimit(null, 5, 3, null)).toBe(3);
  expect(smallestLimit(null, null)).toBeNull();
});
