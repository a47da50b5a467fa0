import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { filterRoomLine } from '../../src/adapters/linux-network/ip-plan.ts';
import type { GuestPort } from '../../src/ports/switchover-network.ts';
import type { Sending } from './switchover-process.ts';
import {
  bridge,
  CLIENT_MAC,
  idlePorts,
  ip,
  makeNetworks,
  netns,
  NICS,
  plug,
  RAW_PORT,
  receivedBy,
  removeNetworks,
  Runner,
  stateOf,
  strayFrames,
  taggedFrames,
  tc,
  vlanHeader,
} from './switchover-fixture.ts';

const [FIRST, SECOND] = NICS;
const portOf = ({ tap, macAddress }: { tap: string; macAddress: string }): GuestPort => ({
  ...{ tap, macAddress, switchName: 'lan' },
});
const UDP_PORT = 7000;
const TCP_PORT = 7001;
/** A frame that came less than this before STOP may be given twice, rather than not at all. */
const LATE_MS = 50;

let source: Runner;
let destination: Runner;
let client: Runner;
let guest: Runner;
let untouched: { readonly source: unknown; readonly destination: unknown };
const states = () => ({ source: stateOf('source'), destination: stateOf('destination') });

beforeAll(async () => {
  makeNetworks();
  client = new Runner('client');
  guest = new Runner('guest');
  await guest.ask('listen', { address: '0.0.0.0', port: UDP_PORT });
  await guest.ask('listen', { address: '::', port: UDP_PORT + 6 });
  await guest.ask('serveDigest', TCP_PORT);
  await vi.waitFor(() => expect(idlePorts()).toEqual([]), { timeout: 10_000, interval: 50 });
  untouched = states();
});
afterAll(async () => {
  try {
    await Promise.all([client.end(), guest.end()]);
  } finally {
    removeNetworks();
  }
});
beforeEach(() => {
  source = new Runner('source');
  destination = new Runner('destination');
});
afterEach(async () => {
  // After a test that failed half-way; otherwise it is done already.
  await Promise.all([source.ask('closeMirror'), destination.ask('closeHold')]);
  await Promise.all([source.end(), destination.end()]);
  await Promise.all([UDP_PORT, UDP_PORT + 6].map((port) => guest.ask('heard', port)));
});

async function open(ports: readonly GuestPort[] = [portOf(FIRST)]): Promise<void> {
  const endpoint = await destination.ask('openHold', ports);
  await source.ask('openMirror', { ports, endpoint });
}

/** The guest stops on the source and its frames wait on the destination. */
async function stopGuest(): Promise<void> {
  const cuts = await source.ask('cut');
  await destination.ask('release', cuts ?? []);
}

async function closeBoth() {
  const mirrored = (await source.ask('closeMirror')) ?? [];
  const counts = await destination.ask('counts', mirrored);
  await destination.ask('closeHold');
  return counts;
}

/** What the guest has heard, once it is so many or nothing more comes. */
async function heard(count: number, port = UDP_PORT): Promise<readonly number[]> {
  const all: number[] = [];
  for (let quiet = 0; quiet < 10; quiet++) {
    const more = (await guest.ask('heard', port)) ?? [];
    all.push(...more);
    if (more.length > 0) quiet = 0;
    if (all.length >= count && quiet > 0) break;
    await sleep(50);
  }
  return all;
}

function numbers(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** How many more since `before`. */
function since<T extends Record<string, number>>(before: T, after: T): Record<string, number> {
  return Object.fromEntries(Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]));
}

describe('what a client sends while the switch still takes the source for the guest’s place', () => {
  test.each([
    ['IPv4', { to: FIRST.address, bytes: 200 }, 0],
    ['IPv6', { to: 'fd05::10', bytes: 200, port: UDP_PORT + 6 }, 0],
    ['frames of 9000 bytes', { to: FIRST.address, bytes: 8972 }, 0],
    ['broadcasts', { to: '10.5.0.255', bytes: 200 }, 60],
    ['multicasts', { to: '224.0.0.1', bytes: 200 }, 60],
  ])(
    '%s: reaches the guest once, in order, and nobody else',
    async (_kind, datagrams: Pick<Sending, 'to' | 'bytes'> & { port?: number }, flooded) => {
      const { port = UDP_PORT } = datagrams;
      const send = (first: number, last: number) => client.ask('send', { ...datagrams, port, first, last });
      await open();
      await source.ask('arm');
      const before = strayFrames();
      await send(1, 20);
      await source.ask('sample');
      await sleep(LATE_MS);
      await stopGuest();
      await send(21, 40);
      expect(await heard(1, port), 'before it runs').toEqual([]);
      await destination.ask('guestRuns');
      await send(41, 60);
      expect(await heard(40, port)).toEqual(numbers(21, 60));
      expect(since(before, strayFrames())).toEqual({
        ...{ backFromSource: 0, backFromDestination: 0 },
        // As without any switchover: the switch floods it to all.
        ...{ toOtherOnSource: flooded, toOtherOnDestination: flooded },
      });
      expect(await closeBoth()).toMatchObject({ lost: 0, duplicated: 0 });
      expect(states()).toEqual(untouched);
    },
  );

  test('frames with a VLAN tag: reach it once, with their tag', async () => {
    const header = vlanHeader();
    const send = (first: number, last: number) =>
      client.ask('send', { to: '127.0.0.1', port: RAW_PORT, header, bytes: 200, first, last });
    await open();
    await source.ask('arm');
    const before = { ...strayFrames(), tagged: taggedFrames() };
    await send(1, 20);
    await sleep(LATE_MS);
    await stopGuest();
    await send(21, 40);
    await destination.ask('guestRuns');
    await send(41, 60);
    const after = () => since(before, { ...strayFrames(), tagged: taggedFrames() });
    await expect.poll(() => after()['tagged'], { timeout: 5000 }).toBeGreaterThanOrEqual(40);
    expect(await closeBoth()).toMatchObject({ lost: 0, duplicated: 0 });
    expect(Object.values(after())).toEqual([0, 0, 0, 0, 40]);
    expect(states()).toEqual(untouched);
  });

  test('TCP with offloads: large frames are split, and their checksums are right', async () => {
    await open();
    await source.ask('arm');
    await stopGuest();
    await destination.ask('guestRuns');
    const before = receivedBy('guest', FIRST.nic);
    const { sent, received } = (await client.ask('digestOf', {
      ...{ to: FIRST.address, port: TCP_PORT, bytes: 20_000_000 },
    })) as { sent: string; received: string };
    expect(received).toBe(sent);
    const after = receivedBy('guest', FIRST.nic);
    const frames = after.packets - before.packets;
    expect((after.bytes - before.bytes) / frames).toBeLessThanOrEqual(9014);
    const errors = execFileSync('ip', ['netns', 'exec', netns('guest'), 'nstat', '-asz', 'TcpInCsumErrors']);
    expect(errors.toString()).toMatch(/TcpInCsumErrors +0 /);
    expect(await closeBoth()).toMatchObject({ lost: 0, duplicated: 0 });
    expect(states()).toEqual(untouched);
  });

  test('each of two NICs gets its own frames, and every broadcast', async () => {
    await open([portOf(FIRST), portOf(SECOND)]);
    await source.ask('arm');
    await stopGuest();
    const before = NICS.map(({ nic }) => receivedBy('guest', nic).packets);
    const send = (to: string, count: number) =>
      client.ask('send', { to, port: UDP_PORT, bytes: 200, first: 1, last: count });
    await send(FIRST.address, 5);
    await send(SECOND.address, 7);
    await send('10.5.1.255', 11);
    await destination.ask('guestRuns');
    expect(await closeBoth()).toMatchObject({ lost: 0 });
    await heard(23);
    const after = NICS.map(({ nic }) => receivedBy('guest', nic).packets);
    expect(after.map((count, index) => count - (before[index] ?? 0))).toEqual([5 + 11, 7 + 11]);
    expect(states()).toEqual(untouched);
  });

  test('still reaches it when its port on the source is gone', async () => {
    await open();
    await source.ask('arm');
    await stopGuest();
    await destination.ask('guestRuns');
    await source.ask('handOver');
    ip('source', `link delete dev ${FIRST.tap}`);
    const before = strayFrames();
    await client.ask('send', { to: FIRST.address, port: UDP_PORT, bytes: 8972, first: 1, last: 20 });
    expect(await heard(20)).toEqual(numbers(1, 20));
    expect(Object.values(since(before, strayFrames()))).toEqual([0, 0, 0, 0]);
    expect(await closeBoth()).toMatchObject({ lost: 0 });
    plug('source', FIRST);
    expect(states()).toEqual(untouched);
  });
});

describe('a guest that stays', () => {
  test('gets its frames on the source while they are mirrored and afterwards, and only there', async () => {
    const before = receivedBy('guestBefore', FIRST.nic).packets;
    const send = (first: number, last: number) =>
      client.ask('send', { to: FIRST.address, port: UDP_PORT, bytes: 200, first, last });
    await open();
    await send(1, 10);
    await source.ask('arm');
    await send(11, 20);
    await source.ask('disarm');
    const { pins, filtered } = stateOf('source');
    expect({ pins, filtered }).toEqual({ pins: [`${CLIENT_MAC} uplink0`], filtered: [] });
    expect(ip('source', `-details link show dev ${FIRST.tap}`)).toContain('gso_max_segs 65535');
    await send(21, 30);
    expect(receivedBy('guestBefore', FIRST.nic).packets - before).toBe(30);
    await closeBoth();
    expect(await heard(1)).toEqual([]);
    expect(states()).toEqual(untouched);
  });

  test('can be mirrored again, and only what it did not read counts', async () => {
    await open();
    for (const first of [1, 11]) {
      await source.ask('arm');
      await client.ask('send', { to: FIRST.address, port: UDP_PORT, bytes: 200, first, last: first + 9 });
      if (first === 1) await source.ask('disarm');
    }
    expect(await source.ask('cut')).toEqual([{ mirrored: 20, unread: 0 }]);
    await closeBoth();
    expect(states()).toEqual(untouched);
  });

  test('has nothing counted as unread because its node speaks to everybody', async () => {
    ip('source', 'address add 10.5.0.2/24 broadcast + dev br0');
    await open();
    await source.ask('arm');
    await source.ask('send', { to: '10.5.0.255', port: UDP_PORT, bytes: 200, first: 1, last: 10 });
    expect(await source.ask('cut')).toEqual([{ mirrored: 10, unread: 0 }]);
    await closeBoth();
    ip('source', 'address del 10.5.0.2/24 dev br0');
    expect(states()).toEqual(untouched);
  });

  test.each(['armAndDisarm', 'armAndClose'] as const)(
    'leaves no pin behind when two things come at once: %s',
    async (both) => {
      await open();
      await source.ask(both);
      expect(await source.ask('isArmed')).toBe(false);
      await closeBoth();
      expect(states()).toEqual(untouched);
    },
  );

  test('is left alone where the mirror cannot be made', async () => {
    await open([portOf(FIRST), portOf(SECOND)]);
    tc('source', `qdisc del dev ${SECOND.tap} clsact`);
    await expect(source.ask('arm')).rejects.toThrow();
    expect(await source.ask('isArmed')).toBe(false);
    await closeBoth();
    expect(states()).toEqual(untouched);
    tc('source', filterRoomLine(SECOND.tap));
  });
});

describe('an agent that was killed', () => {
  // A veth is not taken for a tap of ours here, so these are taps.
  const tap = { tap: 'gw0000000000c', macAddress: '52:54:00:00:00:03' };
  let clean: unknown;

  beforeAll(() => {
    for (const node of ['source', 'destination'] as const) {
      ip(node, `tuntap add dev ${tap.tap} mode tap`);
      ip(node, `link set dev ${tap.tap} addrgenmode none mtu 9000 master br0 up`);
      tc(node, filterRoomLine(tap.tap));
    }
    clean = states();
  });
  afterAll(() => {
    for (const node of ['source', 'destination'] as const) ip(node, `link delete dev ${tap.tap}`);
  });

  test.each([
    ['before the mirror was on', []],
    ['while frames were mirrored', ['arm']],
    ['while frames were held', ['arm', 'stop']],
    ['when the guest ran', ['arm', 'stop', 'run']],
    ['when frames were sent on', ['arm', 'stop', 'run', 'handOver']],
  ])('%s: the next one removes all that it has left', async (_when, steps) => {
    await open([portOf(tap)]);
    if (steps.includes('arm')) await source.ask('arm');
    if (steps.includes('stop')) await stopGuest();
    if (steps.includes('run')) await destination.ask('guestRuns');
    if (steps.includes('handOver')) await source.ask('handOver');
    expect(states()).not.toEqual(clean);
    await Promise.all([source.kill(), destination.kill()]);
    source = new Runner('source');
    destination = new Runner('destination');
    await Promise.all([source.ask('removeLeftovers'), destination.ask('removeLeftovers')]);
    expect(states()).toEqual(clean);
  });

  test('half-way through making the mirror: the tap takes large frames again', async () => {
    ip('source', `link set dev ${tap.tap} gso_max_segs 1`);
    await source.ask('removeLeftovers');
    expect(states()).toEqual(clean);
  });

  test('leaves entries and devices of others alone', async () => {
    bridge('source', `fdb replace 52:54:00:00:00:55 dev other0 master static sticky`);
    const before = states();
    await source.ask('removeLeftovers');
    expect(states()).toEqual(before);
    bridge('source', `fdb del 52:54:00:00:00:55 dev other0 master`);
  });
});

describe('what a node lacks', () => {
  test('is nothing here, and finding out changes nothing', async () => {
    expect(await source.ask('missing')).toEqual([]);
    expect(states()).toEqual(untouched);
  });

  test('is named: ethtool', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'godwit-path-'));
    for (const tool of ['ip', 'tc', 'bridge']) {
      const path = execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim();
      symlinkSync(path, join(directory, tool));
    }
    const bare = new Runner('source', directory);
    try {
      expect(await bare.ask('missing')).toEqual([expect.stringContaining('ethtool')]);
    } finally {
      await bare.end();
      rmSync(directory, { recursive: true });
    }
    expect(states()).toEqual(untouched);
  });
});
