import { expect, test } from 'vitest';
import { CounterTrack } from './counter-track.ts';
import { GapKeeper, longestGapWithin } from './gaps.ts';

test('of many gaps the longest are kept, in the order of time', () => {
  const keeper = new GapKeeper();
  let atMs = 0;
  keeper.seen(atMs);
  for (let number = 1; number <= 100; number += 1) keeper.seen((atMs += number));
  const kept = keeper.longest();
  expect(kept).toHaveLength(64);
  expect(kept.map((gap) => gap.durationMs)).toEqual(Array.from({ length: 64 }, (_gap, index) => 37 + index));
  expect(kept.at(-1)).toEqual({ atMs: 4950, durationMs: 100 });
});

test('a gap counts for a time that it overlaps', () => {
  const gaps = [{ atMs: 100, durationMs: 50 }];
  expect(longestGapWithin(gaps, 140, 200)).toBe(50);
  expect(longestGapWithin(gaps, 160, 200)).toBeNull();
  expect(longestGapWithin(gaps, 0, 99)).toBeNull();
});

test('a stream of numbers: lost, twice, late', () => {
  const track = new CounterTrack();
  for (const number of [1, 2, 5, 4, 5, 6]) track.saw(number);
  const { received, duplicates, late, highest } = track;
  expect({ received, duplicates, late, highest }).toEqual({ received: 5, duplicates: 1, late: 1, highest: 6 });
});
