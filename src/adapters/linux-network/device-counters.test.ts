import { expect, test } from 'vitest';
import { deviceCounters } from './device-counters.ts';

const TABLE = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:   29520     295    0    0    0     0          0         0    29520     296    0    0    0     0       0          0
gw0123456789a: 1849262    4217    0    3    0     0          0         0 51422904   38911    1   17    0     0       0          0
gwm00002a:       0       0    0    0    0     0          0         0 4294967296123 18446744073    0    5    0     0       0          0
`;

test('reads what a device has sent and dropped, not what it has received', () => {
  expect(deviceCounters(TABLE, 'gw0123456789a')).toEqual({ sentFrames: 38_911, droppedFrames: 17 });
});

test('reads counters beyond 32 bits', () => {
  expect(deviceCounters(TABLE, 'gwm00002a')).toEqual({ sentFrames: 18_446_744_073, droppedFrames: 5 });
});

test('of a device that is gone, or only begins alike, are zero', () => {
  expect(deviceCounters(TABLE, 'gw0123456789')).toEqual({ sentFrames: 0, droppedFrames: 0 });
  expect(deviceCounters('', 'gw0123456789a')).toEqual({ sentFrames: 0, droppedFrames: 0 });
});
