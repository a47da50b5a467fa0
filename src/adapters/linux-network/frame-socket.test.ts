import { createSocket, type Socket } from 'node:dgram';
import { afterEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../../test/doubles/manual-clock.ts';
import type { Log } from '../../ports/log.ts';
import { droppedIn, FrameSocket } from './frame-socket.ts';
import { datagramOf } from './vxlan-frame.ts';

const ADDRESS = '127.0.0.1';
const FRAME = Buffer.alloc(60, 7);
const clock = new ManualClock();
const log: Log = { debug() {}, info() {}, warn() {}, error() {} };
const open: Socket[] = [];

/** A socket on a free port. */
async function otherSocket(): Promise<Socket> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, ADDRESS, resolve));
  open.push(socket);
  return socket;
}

async function freePort(): Promise<number> {
  const socket = await otherSocket();
  const { port } = socket.address();
  close(socket);
  return port;
}

function close(socket: Socket): void {
  open.splice(open.indexOf(socket), 1);
  socket.close();
}

afterEach(() => {
  for (const socket of [...open]) close(socket);
});

describe('FrameSocket', () => {
  test('gives each handler the datagrams of its own identifier, and ignores all others', async () => {
    const frames = new FrameSocket({ address: ADDRESS, port: await freePort(), clock, log });
    const got: string[] = [];
    const first = await frames.listen((datagram, atMs) =>
      got.push(`first ${datagram.length} ${atMs - clock.wallMs()}`),
    );
    const lastCame = Promise.withResolvers<void>();
    const second = await frames.listen((datagram) => {
      got.push(`second ${datagram.length}`);
      lastCame.resolve();
    });
    expect(second).not.toBe(first);
    const sender = await otherSocket();
    const stranger = [first, second].includes(1) ? 2 : 1;
    for (const datagram of [datagramOf(stranger, FRAME), Buffer.from('noise'), datagramOf(first, FRAME)]) {
      sender.send(datagram, frames.port, ADDRESS);
    }
    sender.send(datagramOf(second, FRAME), frames.port, ADDRESS);
    await lastCame.promise;
    expect(got).toEqual(['first 68 0', 'second 68']);
    frames.ignore(first);
    frames.ignore(second);
  });

  test('sends from its own port, and nothing while nobody listens', async () => {
    const receiver = await otherSocket();
    const frames = new FrameSocket({ address: ADDRESS, port: await freePort(), clock, log });
    frames.send(datagramOf(1, FRAME), ADDRESS, receiver.address().port);
    const vni = await frames.listen(() => {});
    const came = new Promise<[Buffer, number]>((resolve) => {
      receiver.once('message', (datagram, { port }) => resolve([datagram, port]));
    });
    frames.send(datagramOf(vni, FRAME), ADDRESS, receiver.address().port);
    expect(await came).toEqual([datagramOf(vni, FRAME), frames.port]);
    expect(frames.dropped()).toBe(0);
    frames.ignore(vni);
    expect(frames.dropped()).toBeNull();
  });

  test('frees its port with the last handler and takes it again with the next', async () => {
    const frames = new FrameSocket({ address: ADDRESS, port: await freePort(), clock, log });
    for (let count = 0; count < 3; count += 1) {
      const vnis = await Promise.all([frames.listen(() => {}), frames.listen(() => {})]);
      for (const vni of vnis) frames.ignore(vni);
      frames.ignore(vnis[0]);
    }
    expect(frames.dropped()).toBeNull();
  });

  test('says that its port is taken, to everyone who asked, and works once it is free', async () => {
    const other = await otherSocket();
    const frames = new FrameSocket({ address: ADDRESS, port: other.address().port, clock, log });
    const attempts = await Promise.allSettled([frames.listen(() => {}), frames.listen(() => {})]);
    for (const attempt of attempts) {
      expect(attempt).toMatchObject({ status: 'rejected', reason: { code: 'NETWORK_FAILED' } });
    }
    close(other);
    frames.ignore(await frames.listen(() => {}));
  });
});

describe('droppedIn', () => {
  const TABLE = [
    '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops',
    '  102: 0100000A:12B6 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 17',
    '  103: 0200000A:12B6 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0000000000000000 0',
    '',
  ].join('\n');

  test('finds the socket by address and port', () => {
    expect(droppedIn(TABLE, '10.0.0.1', 4790)).toBe(17);
    expect(droppedIn(TABLE, '10.0.0.2', 4790)).toBe(0);
  });

  test('is null if the kernel does not list it', () => {
    expect(droppedIn(TABLE, '10.0.0.1', 4789)).toBeNull();
    expect(droppedIn(TABLE, 'fd00::1', 4790)).toBeNull();
    expect(droppedIn('', '10.0.0.1', 4790)).toBeNull();
  });
});
