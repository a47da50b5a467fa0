import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../test/doubles/manual-clock.ts';
import type { Log } from '../../ports/log.ts';
import type { ProbeRun } from '../../ports/guest-probe.ts';
import { arpPacketIn } from './arp-frame.ts';
import type { FrameHandler } from './frame-socket.ts';
import { createGuestProbes } from './guest-probe.ts';
import { datagramOf, frameOf, vniOf } from './vxlan-frame.ts';

const VNI = 42;
const GUEST = { macAddress: '52:54:00:00:00:01', address: '192.0.2.10' };
const PORT = { address: '10.0.0.1', port: 4789 };
const log: Log = { debug() {}, info() {}, warn() {}, error() {} };

let clock: ManualClock;
let handlers: Map<number, FrameHandler>;
let sent: { datagram: Buffer; to: string; atMs: number }[];

const frameSocket = {
  address: '10.0.0.2',
  port: 4790,
  listen: async (handler: FrameHandler) => {
    handlers.set(VNI, handler);
    return VNI;
  },
  ignore: (vni: number) => void handlers.delete(vni),
  send: (datagram: Uint8Array, address: string, port: number) =>
    void sent.push({ datagram: Buffer.from(datagram), to: `${address}:${port}`, atMs: clock.monotonicMs() }),
};
const probes = () =>
  createGuestProbes({ frameSocket, kernelPort: 4789, switches: [{ name: 'lan', bridge: 'br0' }], clock, log });

/** The guest's answer to a request. */
function answerTo(datagram: Buffer): Buffer {
  const request = frameOf(datagram);
  const reply = Buffer.from(request);
  request.copy(reply, 0, 6, 12);
  request.copy(reply, 6, 0, 6);
  reply[21] = 2;
  request.copy(reply, 22, 0, 6);
  request.copy(reply, 28, 38, 42);
  request.copy(reply, 32, 22, 32);
  return datagramOf(VNI, reply);
}

/** The guest answers whatever it was asked since, at once. */
function guestAnswers(run: () => void): void {
  const before = sent.length;
  run();
  for (const { datagram } of sent.slice(before)) handlers.get(VNI)?.(answerTo(datagram), clock.wallMs());
}

beforeEach(() => {
  clock = new ManualClock();
  handlers = new Map();
  sent = [];
});

describe('observe', () => {
  let run: ProbeRun;
  beforeEach(async () => {
    run = await probes().observe(GUEST);
  });

  test('asks nothing before it is started', () => {
    clock.advance(100);
    expect(run.vni).toBe(VNI);
    expect(sent).toEqual([]);
    expect(run.result()).toEqual({
      ...{ intervalMs: 4, sent: 0, answered: 0, longestGapMs: null, gapStartedAtMs: null },
      samples: [],
    });
  });

  test('asks the guest through the port every 4 ms', () => {
    run.start(PORT);
    clock.advance(1000);
    expect(sent).toHaveLength(251);
    const [first, second] = sent;
    expect(first?.to).toBe('10.0.0.1:4789');
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBe(4);
    expect(vniOf(first?.datagram ?? Buffer.alloc(0))).toBe(VNI);
    expect(arpPacketIn(frameOf(first?.datagram ?? Buffer.alloc(0)))).toMatchObject({
      operation: 'request',
      destinationMac: GUEST.macAddress,
      sourceMac: '02:67:70:00:00:2a',
      senderAddress: '0.0.0.0',
      targetAddress: GUEST.address,
    });
  });

  test('started twice, it asks no more often, but through the other port', () => {
    run.start(PORT);
    clock.advance(8);
    run.start({ address: '10.0.0.3', port: 4789 });
    clock.advance(8);
    expect(sent.map(({ to }) => to.slice(0, 8))).toEqual(['10.0.0.1', '10.0.0.1', '10.0.0.1', '10.0.0.3', '10.0.0.3']);
  });

  test('keeps the longest time without an answer', () => {
    run.start(PORT);
    for (let count = 0; count < 10; count += 1) guestAnswers(() => clock.advance(4));
    const lastAnswerAtMs = clock.wallMs();
    clock.advance(200);
    for (let count = 0; count < 10; count += 1) guestAnswers(() => clock.advance(4));
    const { samples = [], ...figures } = run.result();
    const waits = samples.map(({ waitedMs }) => waitedMs);
    // The first request was sent before the guest began to answer.
    expect(waits.slice(0, 12)).toEqual([4, ...Array.from({ length: 10 }, () => 0), 200]);
    expect(waits).toHaveLength(71);
    expect(figures).toEqual({
      intervalMs: 4,
      sent: 71,
      answered: 20,
      longestGapMs: 204,
      gapStartedAtMs: lastAnswerAtMs,
    });
  });

  test('does not count what is no answer of the guest', () => {
    run.start(PORT);
    const [request] = sent;
    const stranger = answerTo(request?.datagram ?? Buffer.alloc(68));
    stranger[8 + 11] = 9;
    for (const datagram of [stranger, request?.datagram ?? Buffer.alloc(68), datagramOf(VNI, Buffer.alloc(14))]) {
      handlers.get(VNI)?.(datagram, clock.wallMs());
    }
    expect(run.result()).toMatchObject({ sent: 1, answered: 0 });
  });

  test('stops for good, once', () => {
    run.start(PORT);
    clock.advance(4);
    const result = run.stop();
    expect(handlers.size).toBe(0);
    clock.advance(100);
    run.start(PORT);
    clock.advance(100);
    expect(run.stop()).toEqual(result);
    expect(sent).toHaveLength(2);
  });

  test('refuses a group address, a malformed one and anything but IPv4', async () => {
    for (const target of [
      { ...GUEST, macAddress: 'ff:ff:ff:ff:ff:ff' },
      { ...GUEST, macAddress: '01:00:5e:00:00:01' },
      { ...GUEST, macAddress: '52:54:00:00:00' },
      { ...GUEST, address: '192.0.2.10/24' },
      { ...GUEST, address: '2001:db8::1' },
    ]) {
      await expect(probes().observe(target)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    }
  });
});

test('openPort refuses what it could not put into a line for ip, or what the kernel would drop', async () => {
  for (const observer of [
    { address: '10.0.0.1\nlink delete dev eth0', port: 4790, vni: VNI },
    { address: 'node-2', port: 4790, vni: VNI },
    { address: '10.0.0.1', port: 0, vni: VNI },
    { address: '10.0.0.1', port: 65_536, vni: VNI },
    { address: '10.0.0.1', port: 4790, vni: 0 },
    { address: '10.0.0.1', port: 4790, vni: 0x1_00_00_00 },
    { address: '10.0.0.1', port: 4790, vni: 1.5 },
    { address: frameSocket.address, port: 4790, vni: VNI },
  ]) {
    await expect(probes().openPort({ switchName: 'lan', observer })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  }
});

test('the kernel cannot have the port of the agents', () => {
  expect(() => createGuestProbes({ frameSocket, kernelPort: 4790, switches: [], clock, log })).toThrow(
    expect.objectContaining({ code: 'INVALID_INPUT' }),
  );
});
