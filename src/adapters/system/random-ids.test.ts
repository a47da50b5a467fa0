import { expect, it } from 'vitest';
import { randomIds, sortableId } from './random-ids.ts';

it('migration ids are 26 characters of base 32 and sort by time', () => {
  expect(randomIds.migrationId()).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
  const random = new Uint8Array(16).fill(31);
  const early = sortableId(Date.UTC(2026, 0, 1), random);
  const late = sortableId(Date.UTC(2026, 0, 1) + 1, new Uint8Array(16));
  expect(early < late).toBe(true);
  expect(sortableId(0, new Uint8Array(16))).toBe('0'.repeat(26));
});

it('MAC addresses are locally administered', () => {
  expect(randomIds.macAddress()).toMatch(/^52:54:00(:[0-9a-f]{2}){3}$/);
});
