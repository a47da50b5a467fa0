import { expect, test } from 'vitest';
import { plainLook } from './look.ts';
import { renderRounds } from './rounds-view.ts';

const MEBIBYTE = 1024 * 1024;

test('shows sent and left as one bar, and the dirty rate against the bandwidth', () => {
  const round = (sent: number, left: number, dirty: number | null) => ({
    ...{ round: 1, durationMs: 2000, sentBytes: sent * MEBIBYTE, remainingBytes: left * MEBIBYTE },
    ...{ dirtyBytesPerSecond: dirty === null ? null : dirty * MEBIBYTE, bandwidthBytesPerSecond: 100 * MEBIBYTE },
  });
  expect(
    renderRounds([round(200, 100, null), round(100, 50, 50), round(50, 0, 120)], plainLook(90)),
  ).toMatchInlineSnapshot(`
    "#    time     sent     left    dirtied  bandwidth  ratio
    1  2.00 s  200 MiB  100 MiB          –  100 MiB/s      –  ████████████████████░░░░░░░░░░
    1  2.00 s  100 MiB   50 MiB   50 MiB/s  100 MiB/s   50 %  ██████████░░░░░
    1  2.00 s   50 MiB      0 B  120 MiB/s  100 MiB/s  120 %  █████"
  `);
  expect(renderRounds([], plainLook())).toBe('');
});
