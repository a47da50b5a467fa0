import { describe, expect, test } from 'vitest';
import { datagramOf, frameOf, VNI_MAX, vniOf } from './vxlan-frame.ts';

const FRAME = Buffer.from('5254000000010267700000010806', 'hex');

test('puts the header of RFC 7348 before the frame', () => {
  expect(datagramOf(0xab_cd_ef, FRAME).toString('hex')).toBe(`08000000abcdef00${FRAME.toString('hex')}`);
});

test('reads back what it wrote', () => {
  for (const vni of [1, 42, VNI_MAX]) {
    const datagram = datagramOf(vni, FRAME);
    expect(vniOf(datagram)).toBe(vni);
    expect(frameOf(datagram)).toEqual(FRAME);
  }
});

describe('vniOf is undefined for', () => {
  test('a datagram without a whole Ethernet header', () => {
    const datagram = datagramOf(42, FRAME);
    for (let length = 0; length < datagram.length; length += 1) {
      expect(vniOf(datagram.subarray(0, length))).toBeUndefined();
    }
  });

  test('other flags than that of a valid identifier', () => {
    for (const flags of [0x00, 0x0c, 0x88, 0xff]) {
      const datagram = datagramOf(42, FRAME);
      datagram[0] = flags;
      expect(vniOf(datagram)).toBeUndefined();
    }
  });

  test('identifier 0, which is nobody', () => {
    expect(vniOf(datagramOf(0, FRAME))).toBeUndefined();
  });
});
