import { status } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { classifyFailure } from './endpoint.ts';

it.each([
  [status.DEADLINE_EXCEEDED, 'Deadline exceeded'],
  [status.UNAVAILABLE, 'etcdserver: request timed out'],
  [status.UNAVAILABLE, 'etcdserver: leader changed'],
  [status.UNAVAILABLE, 'Connection dropped'],
  [status.CANCELLED, 'Channel closed'],
  [status.INTERNAL, 'Received RST_STREAM'],
])('a transaction that ends with code %i (%s) may have been applied', (code, details) => {
  expect(classifyFailure({ code, details })).toBe('lost');
});

it('a member without a leader has proposed nothing', () => {
  expect(classifyFailure({ code: status.UNAVAILABLE, details: 'etcdserver: no leader' })).toBe('not-applied');
});

it('a full database refuses, a malformed transaction is a mistake', () => {
  const full = { code: status.RESOURCE_EXHAUSTED, details: 'etcdserver: mvcc: database space exceeded' };
  expect(classifyFailure(full)).toBe('refused');
  const malformed = { code: status.INVALID_ARGUMENT, details: 'etcdserver: duplicate key given in txn request' };
  expect(classifyFailure(malformed)).toBe('malformed');
});
