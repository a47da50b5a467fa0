import { setTimeout as sleepFor } from 'node:timers/promises';
import type { Clock } from '../../ports/clock.ts';

/** The clocks and timers of this machine. */
export const systemClock: Clock = {
  // Milliseconds with fractions; Date.now() has whole ones only. timeOrigin + now() is not used, because it
  // does not follow when the wall clock is set while the process runs.
  wallMs: () => wallWithFractions(),
  // process.hrtime is CLOCK_MONOTONIC itself, the same on every process of this machine; performance.now()
  // starts at 0 with the process.
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
  sleep: (ms) => sleepFor(ms),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  every: (ms, run) => {
    const timer = setInterval(run, ms);
    return () => clearInterval(timer);
  },
};

let anchor = { wallMs: 0, monotonicMs: 0 };

/** Date.now() refined by the monotonic clock within the millisecond, and anchored again whenever the two disagree. */
function wallWithFractions(): number {
  const monotonicMs = Number(process.hrtime.bigint()) / 1e6;
  const wallMs = Date.now();
  const refinedMs = anchor.wallMs + (monotonicMs - anchor.monotonicMs);
  if (refinedMs >= wallMs && refinedMs < wallMs + 1) return refinedMs;
  anchor = { wallMs, monotonicMs };
  return wallMs;
}
