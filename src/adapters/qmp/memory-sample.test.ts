import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { MEBIBYTE } from '../../model/units.ts';
import { judgeSample, PAGE_BYTES, planRuns } from './memory-sample.ts';

describe('planRuns', () => {
  test.each([0, 0.5, 0.999_999])('spreads as many pages over any memory, and stays within it (random %d)', (random) => {
    for (const memoryBytes of [64 * MEBIBYTE + 8192, 256 * MEBIBYTE, 4096 * MEBIBYTE]) {
      const runs = planRuns(memoryBytes, () => random);
      expect(runs.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)).toBe(1024 * PAGE_BYTES);
      let endBytes = 0;
      for (const { offsetBytes, lengthBytes } of runs) {
        expect(offsetBytes % PAGE_BYTES).toBe(0);
        expect(offsetBytes).toBeGreaterThanOrEqual(endBytes);
        endBytes = offsetBytes + lengthBytes;
      }
      expect(endBytes).toBeLessThanOrEqual(memoryBytes);
    }
  });

  test('takes all of a very small memory', () => {
    const runs = planRuns(10 * PAGE_BYTES, () => 0.5);
    expect(runs.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)).toBe(10 * PAGE_BYTES);
  });
});

describe('judgeSample', () => {
  const zero = Buffer.alloc(2 * PAGE_BYTES);

  test('takes pages that are not zero for used', async () => {
    const runs = [zero, Buffer.concat([zero.subarray(PAGE_BYTES), Buffer.alloc(PAGE_BYTES, 7)])];
    expect(await judgeSample(runs, 1000 * PAGE_BYTES)).toMatchObject({ usedBytes: 250 * PAGE_BYTES });
  });

  test('says how small what is used becomes, without the zeros', async () => {
    const text = Buffer.alloc(2 * PAGE_BYTES, 'The godwit flies without landing.\n');
    expect((await judgeSample([zero, text], MEBIBYTE)).compressedRatio).toBeLessThan(0.05);
  });

  test('never promises more than nothing for what cannot be compressed', async () => {
    expect((await judgeSample([randomBytes(2 * PAGE_BYTES)], MEBIBYTE)).compressedRatio).toBe(1);
  });

  test('of a guest that has used nothing', async () => {
    expect(await judgeSample([zero], MEBIBYTE)).toEqual({ usedBytes: 0, compressedRatio: 1 });
  });
});
