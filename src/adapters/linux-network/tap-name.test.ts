import { describe, expect, test } from 'vitest';
import { isTapName, tapName } from './tap-name.ts';

describe('tapName', () => {
  test('fits the 15 characters of the kernel and is recognised as ours', () => {
    const name = tapName('0b1f7a52-3a0e-4a0e-9c55-5d3f0c1e2a77', 0);
    expect(name).toMatch(/^gw[0-9a-f]{11}$/);
    expect(isTapName(name)).toBe(true);
  });

  test('is the same for the same NIC and another for any other', () => {
    expect(tapName('instance-1', 0)).toBe(tapName('instance-1', 0));
    const names = ['instance-1', 'instance-2', 'instance-11'].flatMap((id) => [tapName(id, 0), tapName(id, 1)]);
    expect(new Set(names).size).toBe(6);
  });
});

describe('isTapName', () => {
  test('is false for the devices of others', () => {
    for (const name of ['gw0', 'gwtest', 'eth0', 'tap0', 'gw0123456789a0', 'GW0123456789A', 'xgw0123456789a']) {
      expect(isTapName(name)).toBe(false);
    }
  });
});
