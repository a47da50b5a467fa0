import { describe, expect, test } from 'vitest';
import { plugLines, removeLines, tapMacAddress } from './ip-plan.ts';

const tap = { name: 'gw0123456789a', bridge: 'br0', macAddress: 'fe:54:00:00:00:01', mtuBytes: 1500, exists: false };

describe('plugLines', () => {
  test('makes the tap for the user, silences it, and only then brings it up', () => {
    expect(plugLines([tap], { uid: 64_077, gid: 64_077 })).toEqual([
      'tuntap add dev gw0123456789a mode tap user 64077 vnet_hdr',
      'link set dev gw0123456789a address fe:54:00:00:00:01 addrgenmode none mtu 1500 master br0',
      'link set dev gw0123456789a up',
    ]);
  });

  test('leaves out the user when QEMU runs as the agent does', () => {
    expect(plugLines([tap], null)[0]).toBe('tuntap add dev gw0123456789a mode tap vnet_hdr');
  });

  test('does not make a tap again that exists', () => {
    const lines = plugLines([{ ...tap, exists: true }], null);
    expect(lines).toHaveLength(2);
    expect(lines.join()).not.toContain('tuntap');
  });
});

describe('tapMacAddress', () => {
  test('is higher than that of any other port and differs from that of the guest', () => {
    expect(tapMacAddress('52:54:00:ab:cd:ef')).toBe('fe:54:00:ab:cd:ef');
  });

  test('is undefined for what is no MAC address', () => {
    for (const text of ['', '52:54:00:ab:cd', '52:54:00:AB:CD:EF', '52:54:00:ab:cd:ef\nlink delete dev eth0']) {
      expect(tapMacAddress(text)).toBeUndefined();
    }
  });
});

describe('removeLines', () => {
  test('has one line per tap', () => {
    expect(removeLines(['gw0', 'gw1'])).toEqual(['link delete dev gw0', 'link delete dev gw1']);
  });
});
