import { expect, test } from 'vitest';
import { ProbeTrace } from './probe-trace.ts';

const WALL_MS = 1_000_000;
const asked = (trace: ProbeTrace, ...times: readonly number[]) => {
  for (const monotonicMs of times) trace.asked({ monotonicMs, wallMs: WALL_MS + monotonicMs });
};

test('every request waits until the next answer, whichever request that answers', () => {
  const trace = new ProbeTrace();
  asked(trace, 0);
  trace.answered(1);
  asked(trace, 4, 8, 12);
  trace.answered(13.5);
  asked(trace, 16);
  trace.answered(16.5);
  expect(trace.samples(20)).toEqual([
    { askedAtMs: WALL_MS, waitedMs: 1 },
    { askedAtMs: WALL_MS + 4, waitedMs: 9.5 },
    { askedAtMs: WALL_MS + 8, waitedMs: 5.5 },
    { askedAtMs: WALL_MS + 12, waitedMs: 1.5 },
    { askedAtMs: WALL_MS + 16, waitedMs: 0.5 },
  ]);
});

test('several answers to one request count once: the first', () => {
  const trace = new ProbeTrace();
  asked(trace, 0);
  for (const atMs of [1, 2, 3]) trace.answered(atMs);
  expect(trace.samples(4)).toEqual([{ askedAtMs: WALL_MS, waitedMs: 1 }]);
});

test('a request that nobody answered says so; one that was just sent says nothing yet', () => {
  const trace = new ProbeTrace();
  asked(trace, 0, 4, 100);
  expect(trace.samples(104)).toEqual([
    { askedAtMs: WALL_MS, waitedMs: null },
    { askedAtMs: WALL_MS + 4, waitedMs: null },
  ]);
});

test('forgets the oldest, also while it waits for an answer', () => {
  const trace = new ProbeTrace(3);
  asked(trace, 0);
  trace.answered(1);
  asked(trace, 4, 8, 12, 16);
  trace.answered(20);
  expect(trace.samples(20).map(({ waitedMs }) => waitedMs)).toEqual([12, 8, 4]);
});
