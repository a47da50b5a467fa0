import { describe, expect, test } from 'vitest';
import { isListDue, keepIssued, nextValidity, revokeAll, toRecord } from './revocations.ts';

const DAY_MS = 86_400_000;
const NOW = Date.parse('2026-06-01T12:00:00.000Z');
const certificate = (serial: string, days: number) => ({
  serial,
  expiresAt: new Date(NOW + days * DAY_MS).toISOString(),
});

describe('what is known of a node’s certificates', () => {
  test('has each once, and none that expired long ago', () => {
    const known = { issued: [certificate('old', -2), certificate('a', 100)] };
    const { issued } = keepIssued(known, [certificate('a', 100), certificate('b', 365)], NOW);
    expect(issued.map(({ serial }) => serial)).toEqual(['a', 'b']);
  });
});

describe('revokeAll', () => {
  test('revokes everything a node has, keeps what others had, and forgets what has expired', () => {
    const known = [
      { ...certificate('x', 100), node: 'node3', revokedAt: '2026-01-01T00:00:00.000Z' },
      { ...certificate('y', -2), node: 'node4', revokedAt: '2026-01-01T00:00:00.000Z' },
    ];
    const revoked = revokeAll(
      known,
      { issued: [certificate('a', 10), certificate('b', 365)] },
      { node: 'node2', nowMs: NOW },
    );
    expect(revoked.map(({ serial, node }) => `${serial} ${node}`)).toEqual(['x node3', 'a node2', 'b node2']);
    expect(revoked.at(-1)?.revokedAt).toBe('2026-06-01T12:00:00.000Z');
  });

  test('does not revoke the same certificate twice', () => {
    const issued = [certificate('a', 10)];
    const once = revokeAll([], { issued }, { node: 'node2', nowMs: NOW });
    expect(revokeAll(once, { issued }, { node: 'node2', nowMs: NOW + DAY_MS })).toEqual(once);
  });
});

describe('the signed list', () => {
  const record = toRecord([], nextValidity(undefined, NOW), 'PEM');

  test('is signed again long before it ends, so that a cluster may be off for weeks', () => {
    expect(isListDue(record, NOW + 9 * DAY_MS)).toBe(false);
    expect(isListDue(record, NOW + 10 * DAY_MS)).toBe(true);
    expect(Date.parse(record.validUntil) - (NOW + 10 * DAY_MS)).toBe(20 * DAY_MS);
  });

  test('is due where there is none, and its number grows', () => {
    expect(isListDue(undefined, NOW)).toBe(true);
    expect([record.number, nextValidity(record, NOW).number]).toEqual([1, 2]);
  });
});
