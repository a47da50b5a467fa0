import { describe, expect, test } from 'vitest';
import { qemuParameters, transferSnapshotOf, UNLIMITED_BYTES_PER_SECOND } from './transfer-figures.ts';

describe('qemuParameters', () => {
  test('sets only what is given', () => {
    expect(qemuParameters({})).toEqual({});
    expect(qemuParameters({ downtimeLimitMs: 25 })).toEqual({ 'downtime-limit': 25 });
  });

  test('has a number for no limit, and never a limit of zero', () => {
    expect(qemuParameters({ bandwidthBytesPerSecond: null })).toEqual({ 'max-bandwidth': UNLIMITED_BYTES_PER_SECOND });
    expect(qemuParameters({ bandwidthBytesPerSecond: 0.2, downtimeLimitMs: 0 })).toEqual({
      'max-bandwidth': 1,
      'downtime-limit': 1,
    });
  });

  test('keeps auto-converge without effect at 0, and its first step within the ceiling', () => {
    expect(qemuParameters({ throttlePercentMax: 0 })).toMatchObject({
      'throttle-trigger-threshold': 100,
      'max-cpu-throttle': 1,
    });
    expect(qemuParameters({ throttlePercentMax: 15 })).toMatchObject({
      'throttle-trigger-threshold': 50,
      'cpu-throttle-initial': 15,
      'cpu-throttle-increment': 15,
      'max-cpu-throttle': 15,
    });
    expect(qemuParameters({ throttlePercentMax: 60 })).toMatchObject({
      'cpu-throttle-initial': 20,
      'max-cpu-throttle': 60,
    });
  });
});

describe('the cache of xbzrle', () => {
  test.each([
    [0, 4096],
    [4096, 4096],
    [4097, 8192],
    [34_000_000, 64 * 1024 * 1024],
    [64 * 1024 * 1024, 64 * 1024 * 1024],
  ])('of %d bytes has a size QEMU takes: %d', (wanted, size) => {
    expect(qemuParameters({ xbzrleCacheBytes: wanted })).toEqual({ 'xbzrle-cache-size': size });
  });
});

describe('transferSnapshotOf', () => {
  test('converts megabits and pages to bytes', () => {
    const ram = {
      transferred: 1000,
      remaining: 2000,
      total: 3000,
      mbps: 800,
      'dirty-pages-rate': 10,
      'dirty-sync-count': 3,
      'page-size': 4096,
    };
    const reply = { status: 'active', 'total-time': 50, 'setup-time': 2, 'cpu-throttle-percentage': 20, ram };
    expect(transferSnapshotOf(reply)).toEqual({
      status: 'active',
      errorText: null,
      totalMs: 50,
      setupMs: 2,
      qemuDowntimeMs: null,
      transferredBytes: 1000,
      remainingBytes: 2000,
      totalBytes: 3000,
      round: 3,
      dirtyBytesPerSecond: 40_960,
      bandwidthBytesPerSecond: 100_000_000,
      throttlePercent: 20,
      zeroBytes: 0,
      xbzrle: null,
      blockedReasons: [],
    });
  });

  test('has what was not sent because it was zero, and what was sent as differences', () => {
    const ram = { duplicate: 5, 'page-size': 4096 };
    expect(transferSnapshotOf({ ram, 'xbzrle-cache': { bytes: 700, pages: 9, 'cache-size': 4096 } })).toMatchObject({
      zeroBytes: 20_480,
      xbzrle: { sentBytes: 700, pages: 9 },
    });
  });

  test('knows a QEMU that never migrated, and why it would refuse', () => {
    expect(transferSnapshotOf({ 'blocked-reasons': ['invtsc'] })).toMatchObject({
      status: 'none',
      transferredBytes: 0,
      blockedReasons: ['invtsc'],
    });
  });
});
