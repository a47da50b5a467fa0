import { describe, expect, test } from 'vitest';
import { deviceNames, parseNetworkDevices } from './network-devices.ts';

test('deviceNames lists what has a name, with and without details', () => {
  expect(deviceNames(JSON.stringify([{ ifname: 'lo' }, {}, { ifname: 'br0', linkinfo: {} }]))).toEqual(['lo', 'br0']);
  expect(deviceNames('')).toEqual([]);
});

describe('parseNetworkDevices', () => {
  test('finds our taps and the bridges among everything else', () => {
    const json = JSON.stringify([
      { ifname: 'lo', mtu: 65_536 },
      { ifname: 'br0', mtu: 9000, linkinfo: { info_kind: 'bridge', info_data: { stp_state: 0, forward_delay: 1500 } } },
      { ifname: 'br1', mtu: 1500, linkinfo: { info_kind: 'bridge', info_data: { stp_state: 1, forward_delay: 1500 } } },
      { ifname: 'gw0123456789a', linkinfo: { info_kind: 'tun', info_data: { type: 'tap' } } },
      { ifname: 'gw0123456789b', linkinfo: { info_kind: 'tun', info_data: { type: 'tun' } } },
      { ifname: 'gw0123456789c', linkinfo: { info_kind: 'veth' } },
      { ifname: 'tap0', linkinfo: { info_kind: 'tun', info_data: { type: 'tap' } } },
    ]);
    expect(parseNetworkDevices(json)).toEqual({
      taps: ['gw0123456789a'],
      bridges: [
        { name: 'br0', mtuBytes: 9000, forwardDelayMs: 0 },
        { name: 'br1', mtuBytes: 1500, forwardDelayMs: 30_000 },
      ],
    });
  });

  test('finds nothing in nothing', () => {
    expect(parseNetworkDevices('')).toEqual({ taps: [], bridges: [] });
  });
});
