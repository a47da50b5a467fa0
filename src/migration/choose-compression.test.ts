import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GIBIBYTE, MEBIBYTE } from '../model/units.ts';
import { chooseCompression, type CompressionInput } from './choose-compression.ts';

const GIGABIT = 117e6;

function input(activity: Partial<NonNullable<CompressionInput['activity']>>, more: Partial<CompressionInput> = {}) {
  const idle = { usedBytes: 64 * MEBIBYTE, compressedRatio: 0.4, dirtyBytesPerSecond: MEBIBYTE, sampledAt: '' };
  return {
    ...{
      activity: { ...idle, ...activity },
      linkBytesPerSecond: GIGABIT,
      freeCores: 1,
      encrypted: false,
      budgetMaxMs: 500,
      ...more,
    },
  };
}

describe('chooseCompression', () => {
  test('compresses much memory that shrinks well, on a link that is the bottleneck', () => {
    const large = { usedBytes: 2 * GIBIBYTE };
    expect(chooseCompression(input(large)).compression).toBe('multifd-zstd');
    expect(chooseCompression(input(large)).reason).toContain('shrink to 40 %');
    expect(chooseCompression(input({ ...large, compressedRatio: 0.9 })).compression).toBe('none');
    expect(chooseCompression(input(large, { freeCores: 0 })).compression).toBe('none');
    // The last pages wait in the sockets' buffers: no budget of 50 ms can be kept.
    expect(chooseCompression(input(large, { budgetMaxMs: 50 })).reason).toContain('needs a budget of 500 ms');
    expect(chooseCompression(input(large, { linkBytesPerSecond: 1.25e9 })).compression).toBe('none');
  });

  test('does not spend processor time on little memory', () => {
    expect(chooseCompression(input({}))).toMatchObject({
      compression: 'none',
      reason: expect.stringContaining('too little') as string,
    });
  });

  test('sends differences where the guest rewrites pages at a rate that matters', () => {
    const rewriting = { dirtyBytesPerSecond: 0.4 * GIGABIT };
    expect(chooseCompression(input(rewriting)).compression).toBe('xbzrle');
    expect(chooseCompression(input(rewriting, { linkBytesPerSecond: 1.25e9 })).compression).toBe('none');
    expect(chooseCompression(input({ dirtyBytesPerSecond: 20 * MEBIBYTE })).compression).toBe('none');
    expect(chooseCompression(input({ dirtyBytesPerSecond: null })).compression).toBe('none');
  });

  test('chooses nothing for a guest that was not sampled', () => {
    expect(chooseCompression({ ...input({}), activity: null }).compression).toBe('none');
  });

  test('always has a reason', () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0.01, max: 1, noNaN: true }), fc.nat(8), (usedBytes, ratio, freeCores) => {
        expect(chooseCompression(input({ usedBytes, compressedRatio: ratio }, { freeCores })).reason).not.toBe('');
      }),
    );
  });
});
