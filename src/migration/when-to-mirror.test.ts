import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { earliestEndMs, type TransferSight, whenToMirror } from './when-to-mirror.ts';

const MEGABYTE = 1e6;
/** A later round at 100 MB/s. */
const sight: TransferSight = {
  round: 2,
  remainingBytes: 0,
  transferredBytes: 500 * MEGABYTE,
  bandwidthBytesPerSecond: 100 * MEGABYTE,
  firstRoundBytes: null,
};

describe('whenToMirror', () => {
  test('has the mirror there before the guest can stop', () => {
    expect(whenToMirror({ ...sight, remainingBytes: 99 * MEGABYTE })).toBe('on');
    expect(whenToMirror(sight)).toBe('on');
  });

  test('does not double what the guest receives while a long round is copied', () => {
    expect(whenToMirror({ ...sight, remainingBytes: 301 * MEGABYTE })).toBe('off');
  });

  test('leaves it as it is in between, so that it does not come and go', () => {
    expect(whenToMirror({ ...sight, remainingBytes: 101 * MEGABYTE })).toBe('as-it-is');
    expect(whenToMirror({ ...sight, remainingBytes: 299 * MEGABYTE })).toBe('as-it-is');
  });

  test('of a guest about which nobody knows anything is on from the start: all that is left may be zero', () => {
    const unknown = { ...sight, round: 1, transferredBytes: 0, remainingBytes: 8e9, bandwidthBytesPerSecond: 0 };
    expect(whenToMirror(unknown)).toBe('on');
  });

  test('of a guest with much used memory waits until its first round is nearly through', () => {
    const large = { ...sight, round: 1, firstRoundBytes: 4000 * MEGABYTE, remainingBytes: 16_000 * MEGABYTE };
    expect(whenToMirror({ ...large, transferredBytes: 0 })).toBe('off');
    // Of what is expected, 40 % may turn out to be nothing.
    expect(whenToMirror({ ...large, transferredBytes: 2350 * MEGABYTE, remainingBytes: 8000 * MEGABYTE })).toBe('on');
    expect(whenToMirror({ ...large, transferredBytes: 4500 * MEGABYTE, remainingBytes: 900 * MEGABYTE })).toBe('on');
  });

  test('does not take a slow start of the first round for the rate of the link: at least 1 Gbit/s', () => {
    const started = { ...sight, round: 1, transferredBytes: 0, firstRoundBytes: 1e9, remainingBytes: 117 * MEGABYTE };
    for (const bandwidthBytesPerSecond of [0, MEGABYTE]) {
      expect(earliestEndMs({ ...started, bandwidthBytesPerSecond })).toBe(1000);
    }
    expect(earliestEndMs({ ...started, bandwidthBytesPerSecond: 234 * MEGABYTE })).toBe(500);
  });

  test('is on whenever QEMU counts no byte left, whatever was expected', () => {
    fc.assert(
      fc.property(
        fc.record({
          round: fc.integer({ min: 1, max: 50 }),
          remainingBytes: fc.constant(0),
          transferredBytes: fc.nat(),
          bandwidthBytesPerSecond: fc.nat(),
          firstRoundBytes: fc.option(fc.nat()),
        }),
        (figures) => {
          expect(whenToMirror(figures)).toBe('on');
        },
      ),
    );
  });
});
