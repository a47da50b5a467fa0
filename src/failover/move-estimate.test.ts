import { expect, test } from 'vitest';
import { EMPTY_CLUSTER_STATE } from '../model/cluster-state.ts';
import { ASSUMED_LINK_BYTES_PER_SECOND } from '../model/units.ts';
import { linkOf } from './move-estimate.ts';

/** Of a migration away from `source`, all of it at one rate. */
function receipt(vm: string, [source, bandwidthBytesPerSecond]: readonly [string, number], changes = {}): unknown {
  const round = { durationMs: 800, sentBytes: 1, remainingBytes: 0, bandwidthBytesPerSecond };
  return {
    vm,
    source,
    destination: 'other',
    outcome: 'completed',
    mode: 'live',
    totalMs: 1000,
    rounds: [round],
    ...changes,
  };
}

const linkIn = (receipts: Record<string, unknown>, source: string) =>
  linkOf({ ...EMPTY_CLUSTER_STATE, migrations: new Map(Object.entries(receipts)) }, source);

test('the newest migration away from the node says how fast its link is, else the newest of all', () => {
  const receipts = {
    '01': receipt('Old', ['node1', 10]),
    '02': receipt('Db', ['node1', 20]),
    '03': receipt('Web', ['node2', 30]),
  };
  expect(linkIn(receipts, 'node1')).toEqual({ bytesPerSecond: 20, basis: 'measured in the migration of Db' });
  expect(linkIn(receipts, 'node3')).toEqual({ bytesPerSecond: 30, basis: 'measured in the migration of Web' });
});

test('what says nothing about the link does not count', () => {
  const short = { durationMs: 50, sentBytes: 1, remainingBytes: 0, bandwidthBytesPerSecond: 99 };
  const receipts = {
    '01': receipt('Failed', ['node1', 10], { outcome: 'failed' }),
    '02': receipt('Compressed', ['node1', 20], { compression: 'multifd-zstd' }),
    '03': receipt('Short', ['node1', 30], { rounds: [short] }),
    '04': 'from another version',
  };
  expect(linkIn(receipts, 'node1')).toEqual({
    ...{ bytesPerSecond: ASSUMED_LINK_BYTES_PER_SECOND, basis: 'a link of 1 Gbit/s is assumed' },
  });
});
