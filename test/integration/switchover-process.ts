import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { FrameSocket } from '../../src/adapters/linux-network/frame-socket.ts';
import { createLinuxSwitchover } from '../../src/adapters/linux-network/linux-switchover.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import type { Log } from '../../src/ports/log.ts';
import type { FrameCut, FrameHold, FrameMirror, GuestPort, HoldEndpoint } from '../../src/ports/switchover-network.ts';

/**
 * A node, a guest or a client in a network namespace of its own, which a process cannot change for itself:
 * `switchover-process.ts ADDRESS AGENT-PORT KERNEL-PORT`. Does what each line of JSON on its input asks for
 * (`{"call":…,"with":…}`) and answers with one line. Ends with its input.
 */
const [address = '', port = '0', kernelPort = '0'] = process.argv.slice(2);
const say: Log['warn'] = (message, fields) => console.error(message, JSON.stringify(fields));
const log: Log = { debug() {}, info() {}, warn: say, error: say };

const switchover = createLinuxSwitchover({
  frames: new FrameSocket({ address, port: Number(port), clock: systemClock, log }),
  kernelPort: Number(kernelPort),
  switches: [{ name: 'lan', bridge: 'br0' }],
  log,
});
let hold: FrameHold | null = null;
let mirror: FrameMirror | null = null;
const heard = new Map<number, number[]>();

export interface Sending {
  readonly to: string;
  readonly port: number;
  /** Numbers of the first and the last datagram. */
  readonly first: number;
  readonly last: number;
  readonly bytes: number;
  /** Hexadecimal digits of what comes before the number. */
  readonly header?: string;
}

const calls = {
  missing: () => switchover.missing(),
  removeLeftovers: () => switchover.removeLeftovers(),

  async openHold(ports: readonly GuestPort[]): Promise<HoldEndpoint> {
    hold = await switchover.openHold(ports);
    return hold.endpoint;
  },
  release: async (cuts: readonly FrameCut[]) => hold?.release({ atMs: systemClock.wallMs(), tookMs: 0 }, cuts),
  guestRuns: async () => {
    hold?.replay();
    await hold?.guestRuns();
  },
  counts: async (mirrored: readonly number[]) => hold?.counts(mirrored),
  closeHold: async () => hold?.close(),

  async openMirror({ ports, endpoint }: { ports: readonly GuestPort[]; endpoint: HoldEndpoint }) {
    mirror = await switchover.openMirror(ports, endpoint);
  },
  arm: async () => mirror?.arm(),
  /** What a guest that is moved or stays at the very moment does. */
  armAndDisarm: async () => Promise.all([mirror?.arm(), mirror?.disarm()]),
  armAndClose: async () => Promise.all([mirror?.arm(), mirror?.close()]),
  isArmed: async () => mirror?.armed,
  disarm: async () => mirror?.disarm(),
  sample: async () => mirror?.sample(),
  cut: async () => mirror?.cut(),
  handOver: async () => mirror?.handOver(),
  closeMirror: async () => mirror?.close(),

  async listen({ address: own, port: at }: { address: string; port: number }) {
    const socket = createSocket({ type: own.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 });
    const numbers: number[] = [];
    heard.set(at, numbers);
    socket.on('message', (datagram) => numbers.push(datagram.readUInt32BE(0)));
    await new Promise<void>((resolve) => socket.bind(at, own, resolve));
  },
  heard: async (at: number) => heard.get(at)?.splice(0),

  async send({ to, port: at, first, last, bytes, header = '' }: Sending) {
    const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
    await new Promise<void>((resolve) => socket.bind(0, resolve));
    socket.setBroadcast(true);
    const before = Buffer.from(header, 'hex');
    const datagram = Buffer.concat([before, Buffer.alloc(bytes)]);
    for (let number = first; number <= last; number++) {
      datagram.writeUInt32BE(number, before.length);
      await new Promise<void>((resolve, reject) =>
        socket.send(datagram, at, to, (error) => (error === null ? resolve() : reject(error))),
      );
      // No faster than the receivers' buffers of whatever machine this is can take.
      await sleep(1);
    }
    socket.close();
  },

  /** Answers every connection with the digest of what came over it. */
  async serveDigest(at: number) {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      const hash = createHash('sha256');
      socket.on('data', (chunk) => hash.update(chunk));
      socket.on('error', say);
      socket.on('end', () => socket.end(hash.digest('hex')));
    });
    await new Promise<void>((resolve) => server.listen(at, resolve));
  },
  digestOf({ to, port: at, bytes }: { to: string; port: number; bytes: number }) {
    const data = Buffer.alloc(bytes, 'what a client sends ');
    return new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect(at, to, () => socket.end(data));
      socket.on('data', (chunk) => (answer += chunk.toString()));
      socket.on('error', reject);
      socket.on('end', () => resolve({ sent: createHash('sha256').update(data).digest('hex'), received: answer }));
    });
  },
};

export type SwitchoverCalls = typeof calls;

for await (const line of createInterface({ input: process.stdin })) {
  const { call, with: argument } = JSON.parse(line) as { call: keyof SwitchoverCalls; with: unknown };
  const run = calls[call] as (argument: unknown) => Promise<unknown>;
  const answer = await run(argument).then(
    (result) => ({ result: result ?? null }),
    (error: unknown) => ({ error: String(error) }),
  );
  console.log(JSON.stringify(answer));
}
process.exit();
