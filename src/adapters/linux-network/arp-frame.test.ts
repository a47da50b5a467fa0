import { describe, expect, test } from 'vitest';
import { answers, arpPacketIn, arpRequest } from './arp-frame.ts';

const question = { askerMac: '02:67:70:00:00:2a', askedMac: '52:54:00:00:00:01', address: '192.0.2.10' };

/** As Linux answers it, without padding. */
const REPLY = Buffer.from(
  '02677000002a5254000000010806000108000604000252540000000' + '1c000020a02677000002a00000000',
  'hex',
);

function changed(offset: number, ...bytes: number[]): Buffer {
  const frame = Buffer.from(REPLY);
  frame.set(bytes, offset);
  return frame;
}

describe('arpRequest', () => {
  test('is unicast, padded to the shortest frame, and says nothing about who asks but the MAC address', () => {
    const frame = arpRequest(question);
    expect(frame).toHaveLength(60);
    expect(frame.toString('hex', 0, 42)).toBe(
      '525400000001' + '02677000002a' + '0806' + '0001080006040001' + '02677000002a00000000' + '000000000000c000020a',
    );
    expect(frame.subarray(42).every((byte) => byte === 0)).toBe(true);
  });

  test('reads back as what it is', () => {
    expect(arpPacketIn(arpRequest(question))).toEqual({
      operation: 'request',
      destinationMac: question.askedMac,
      sourceMac: question.askerMac,
      senderMac: question.askerMac,
      senderAddress: '0.0.0.0',
      targetMac: '00:00:00:00:00:00',
      targetAddress: question.address,
    });
  });
});

describe('arpPacketIn', () => {
  test('reads a reply with and without padding', () => {
    const packet = arpPacketIn(REPLY);
    expect(packet).toMatchObject({
      operation: 'reply',
      senderMac: question.askedMac,
      senderAddress: question.address,
      targetMac: question.askerMac,
      targetAddress: '0.0.0.0',
    });
    expect(arpPacketIn(Buffer.concat([REPLY, Buffer.alloc(18)]))).toEqual(packet);
  });

  test('is undefined for a frame that was cut anywhere', () => {
    for (let length = 0; length < REPLY.length; length += 1) {
      expect(arpPacketIn(REPLY.subarray(0, length))).toBeUndefined();
    }
  });

  test.each([
    ['IPv4', changed(12, 0x08, 0x00)],
    ['a VLAN tag', changed(12, 0x81, 0x00)],
    ['another hardware type', changed(14, 0x00, 0x06)],
    ['another protocol type', changed(16, 0x86, 0xdd)],
    ['other address lengths', changed(18, 8, 4)],
    ['another operation', changed(20, 0, 3)],
    ['operation 0', changed(20, 0, 0)],
  ])('is undefined for %s', (_name, frame) => {
    expect(arpPacketIn(frame)).toBeUndefined();
  });
});

describe('answers', () => {
  const isAnswer = (frame: Buffer) => {
    const packet = arpPacketIn(frame);
    return packet !== undefined && answers(packet, question);
  };

  test('is true for the reply of the machine that was asked', () => {
    expect(isAnswer(REPLY)).toBe(true);
  });

  test.each([
    ['the request itself', arpRequest(question)],
    ['a reply to another asker', changed(0, 0x02, 0x67, 0x70, 0, 0, 0x2b)],
    ['a reply that names another asker', changed(32, 0x02, 0x67, 0x70, 0, 0, 0x2b)],
    ['a reply sent by another machine', changed(6, 0x52, 0x54, 0, 0, 0, 2)],
    ['a reply in the name of another machine', changed(22, 0x52, 0x54, 0, 0, 0, 2)],
    ['a reply for another address', changed(28, 192, 0, 2, 11)],
  ])('is false for %s', (_name, frame) => {
    expect(isAnswer(frame)).toBe(false);
  });
});
