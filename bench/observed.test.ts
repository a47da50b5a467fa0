import { expect, test } from 'vitest';
import { godwitMeasurementOf, measurementOf, udpOf } from './measurement-fixture.ts';
import {
  forecastErrors,
  framesPerClientFrame,
  gapsBeyondBlackout,
  networkGapMs,
  networkGaps,
  udpCourse,
} from './observed.ts';

test('the network gap is the longest from the call until a second after RESUME', () => {
  const gaps = [
    { atMs: 9000, durationMs: 900 },
    { atMs: 9950, durationMs: 60 },
    { atMs: 11_900, durationMs: 130 },
    { atMs: 12_100, durationMs: 500 },
  ];
  const one = measurementOf({ client: { mode: 'ping-pong', answers: 1, broken: null, gaps } });
  expect(networkGapMs(one)).toBe(130);
  expect(networkGapMs({ ...one, client: null })).toBeNull();
  expect(networkGapMs({ ...one, resumedAtMs: null })).toBeNull();
});

test('what a gap is longer than the blackout is told run by run, of completed ones only', () => {
  expect(gapsBeyondBlackout([measurementOf(), measurementOf({ failure: 'failed: so' })], 'whole')).toEqual([200]);
});

test('UDP: each direction has its own losses', () => {
  const client = udpOf({ sent: 2000, guestReceived: 1990, guestDuplicates: 4, guestSent: 1994, received: 1991 });
  expect(udpCourse(measurementOf({ client, totalMs: 2000 }))).toEqual({
    ...{ sent: 2000, lostToGuest: 10, lostFromGuest: 3, duplicates: 4, duplicateShare: 4 / 2000, late: 0 },
  });
  expect(udpCourse(measurementOf())).toBeNull();
});

test('frames on the wire are told per frame of the client', () => {
  expect(framesPerClientFrame(measurementOf())).toBe(2);
});

test('a forecast is wrong by a share of the true time; without one there is nothing to tell', () => {
  expect(forecastErrors([godwitMeasurementOf({ totalMs: 1040, forecastTotalMs: 1144 })])[0]).toBeCloseTo(0.1);
  expect(forecastErrors([measurementOf()])).toEqual([]);
});

test('a gap elsewhere in the migration is not one of the switchover', () => {
  const gaps = [
    { atMs: 10_100, durationMs: 150 },
    { atMs: 10_990, durationMs: 90 },
  ];
  const one = measurementOf({ client: { mode: 'ping-pong', answers: 1, broken: null, gaps } });
  expect(networkGaps([one], 'whole')).toEqual([150]);
  expect(networkGaps([one], 'switchover')).toEqual([90]);
  expect(gapsBeyondBlackout([one], 'switchover')).toEqual([50]);
});
