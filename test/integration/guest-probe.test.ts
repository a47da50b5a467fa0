import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { FrameSocket } from '../../src/adapters/linux-network/frame-socket.ts';
import { createGuestProbes } from '../../src/adapters/linux-network/guest-probe.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import type { Log } from '../../src/ports/log.ts';
import type { ProbeResult } from '../../src/ports/guest-probe.ts';

/**
 * Two nodes joined by a cluster network and by a client network, a bridge on each. The guest is a namespace with a
 * veth in either node's bridge, of which one is up. Node A has the probe's port, node B observes.
 */
const NODE_A = `godwit-test-probe-a-${process.pid}`;
const NODE_B = `godwit-test-probe-b-${process.pid}`;
const GUEST_NETNS = `godwit-test-probe-g-${process.pid}`;
const ADDRESS_A = '10.78.0.1';
const ADDRESS_B = '10.78.0.2';
const GUEST = { macAddress: '52:54:00:00:00:01', address: '192.0.2.10' };
const AGENT_PORT = 15_790;
const KERNEL_PORT = 15_789;
const warnings: string[] = [];
const log: Log = { debug() {}, info() {}, warn: (message) => warnings.push(message), error() {} };

const ip = (netns: string, line: string) =>
  execFileSync('ip', ['-netns', netns, ...line.split(' ')], { encoding: 'utf8' });
const bridge = (netns: string, line: string) =>
  execFileSync('bridge', ['-netns', netns, ...line.split(' ')], { encoding: 'utf8' });

/** Node A. Its own socket stays closed: it only has the port. */
const probes = createGuestProbes({
  frameSocket: new FrameSocket({ address: ADDRESS_A, port: AGENT_PORT, clock: systemClock, log }),
  kernelPort: KERNEL_PORT,
  switches: [
    { name: 'lan', bridge: 'br0' },
    { name: 'jumbo', bridge: 'br1' },
    { name: 'gone', bridge: 'br9' },
  ],
  clock: systemClock,
  log,
  netns: NODE_A,
});

interface Device {
  readonly ifname: string;
  readonly mtu: number;
  readonly address: string;
  readonly master?: string;
  readonly flags: readonly string[];
  readonly inet6_addr_gen_mode?: string;
  readonly linkinfo?: { readonly info_slave_data?: Record<string, unknown> };
  readonly stats64?: { readonly tx: { readonly packets: number } };
}

const devices = () => JSON.parse(ip(NODE_A, '-json -details -statistics link show')) as Device[];
const device = (name: string): Device => {
  const found = devices().find(({ ifname }) => ifname === name);
  if (found === undefined) throw new Error(`no device ${name}`);
  return found;
};
const packetsOutOf = (name: string) => device(name).stats64?.tx.packets ?? Number.NaN;
const portsLeft = () => devices().filter(({ ifname }) => ifname.startsWith('gwp'));
const observerAt = (vni: number) => ({ address: ADDRESS_B, port: AGENT_PORT, vni });

function makeNetworks(): void {
  for (const netns of [NODE_A, NODE_B, GUEST_NETNS]) execFileSync('ip', ['netns', 'add', netns]);
  ip(NODE_A, `link add cluster0 type veth peer name cluster0 netns ${NODE_B}`);
  ip(NODE_A, `link add client0 type veth peer name client0 netns ${NODE_B}`);
  for (const [netns, address] of [
    [NODE_A, ADDRESS_A],
    [NODE_B, ADDRESS_B],
  ] as const) {
    ip(netns, `address add ${address}/24 dev cluster0`);
    ip(netns, 'link set cluster0 up');
    ip(netns, 'link add br0 type bridge');
    ip(netns, 'link set client0 master br0 up');
    ip(netns, 'link set br0 up');
    ip(netns, `link add tap0 type veth peer name ${netns === NODE_A ? 'eth0' : 'eth1'} netns ${GUEST_NETNS}`);
    ip(netns, 'link set tap0 master br0 up');
  }
  ip(NODE_A, 'link add br1 type bridge stp_state 1');
  ip(NODE_A, 'link add nic1 mtu 9000 type veth peer name nic2');
  // As of a real NIC: a bridge takes the lowest address of its ports, and one made up at random may be the highest of all.
  ip(NODE_A, 'link set nic1 address 52:54:00:00:01:01 master br1');
  ip(NODE_A, 'link set br1 mtu 9000 up');
  for (const nic of ['eth0', 'eth1']) ip(GUEST_NETNS, `link set ${nic} address ${GUEST.macAddress}`);
  ip(GUEST_NETNS, `address add ${GUEST.address}/24 dev eth0`);
  ip(GUEST_NETNS, 'link set eth0 up');
}

beforeAll(makeNetworks);
afterAll(() => {
  for (const netns of [NODE_A, NODE_B, GUEST_NETNS]) execFileSync('ip', ['netns', 'del', netns]);
});

describe('a port', () => {
  afterEach(() => Promise.all([1, 2, 0xff_ff_ff].map((vni) => probes.closePort(vni))));

  test('is a silent device into which the bridge floods nothing', async () => {
    expect(await probes.openPort({ switchName: 'lan', observer: observerAt(1) })).toEqual({
      address: ADDRESS_A,
      port: KERNEL_PORT,
    });
    expect(device('gwp000001')).toMatchObject({
      master: 'br0',
      mtu: 1500,
      address: 'fe:67:70:00:00:01',
      inet6_addr_gen_mode: 'none',
      linkinfo: { info_slave_data: { flood: false, mcast_flood: false, bcast_flood: false, learning: true } },
    });
    expect(device('gwp000001').flags).toContain('UP');
    // From the guest, 20 frames for an unknown machine and 20 broadcasts (ARP for machines that do not exist).
    ip(GUEST_NETNS, 'neighbour replace 192.0.2.99 lladdr 52:54:00:00:00:99 dev eth0');
    const floodedBefore = packetsOutOf('client0');
    const script = 'for i in {100..119}; do echo > /dev/udp/192.0.2.99/9; echo > /dev/udp/192.0.2.$i/9; done';
    execFileSync('ip', ['netns', 'exec', GUEST_NETNS, 'bash', '-c', script]);
    await sleep(100);
    expect(packetsOutOf('client0') - floodedBefore).toBeGreaterThanOrEqual(40);
    // The few are the node's own, which says on its bridge which multicast groups it is in.
    expect(packetsOutOf('gwp000001')).toBeLessThan(10);
  });

  test('leaves the MTU and the address of the bridge as they are, and says that STP delays it', async () => {
    const before = device('br1');
    await probes.openPort({ switchName: 'jumbo', observer: observerAt(0xff_ff_ff) });
    expect(device('gwpffffff')).toMatchObject({ master: 'br1', mtu: 9000 });
    expect(device('br1')).toMatchObject({ mtu: 9000, address: before.address });
    expect(warnings).toContain('The bridge runs STP: the port of a guest probe forwards nothing at first');
  });

  test('twice is as good as once, and the last observer counts', async () => {
    await probes.openPort({ switchName: 'lan', observer: { ...observerAt(1), address: '10.78.0.3' } });
    const port = await probes.openPort({ switchName: 'lan', observer: observerAt(1) });
    expect(await probes.openPort({ switchName: 'lan', observer: observerAt(1) })).toEqual(port);
    expect(portsLeft()).toHaveLength(1);
    const observers = bridge(NODE_A, 'fdb show dev gwp000001').match(/00:00:00:00:00:00 .*/g);
    expect(observers).toEqual([expect.stringContaining(`dst ${ADDRESS_B} port ${AGENT_PORT}`)]);
  });

  test('is removed again when it fails half-way', async () => {
    // The kernel refuses a peer of another address family only after the device is there.
    const observer = { ...observerAt(2), address: 'fd00::2' };
    await expect(probes.openPort({ switchName: 'lan', observer })).rejects.toMatchObject({ code: 'NETWORK_FAILED' });
    expect(portsLeft()).toEqual([]);
  });

  test('needs a virtual switch and its bridge', async () => {
    await expect(probes.openPort({ switchName: 'wan', observer: observerAt(1) })).rejects.toThrow(/switch "wan"/);
    await expect(probes.openPort({ switchName: 'gone', observer: observerAt(1) })).rejects.toMatchObject({
      code: 'REQUIREMENT_MISSING',
    });
    expect(portsLeft()).toEqual([]);
  });

  test('is closed without a word when it is not there', async () => {
    await probes.openPort({ switchName: 'lan', observer: observerAt(1) });
    await probes.closePort(1);
    await probes.closePort(1);
    expect(portsLeft()).toEqual([]);
  });

  test('opens and closes in a few milliseconds (printed, not asserted)', async () => {
    const startedMs = performance.now();
    await probes.openPort({ switchName: 'lan', observer: observerAt(1) });
    const openedMs = performance.now();
    await probes.closePort(1);
    const closedMs = performance.now();
    console.log(`opened in ${(openedMs - startedMs).toFixed(1)} ms, closed in ${(closedMs - openedMs).toFixed(1)} ms`);
  });
});

/** The observer on node B: tells it a line, gets its answer. */
class Observer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    const program = new URL('guest-probe-process.ts', import.meta.url).pathname;
    const args = [program, ADDRESS_B, String(AGENT_PORT), GUEST.macAddress, GUEST.address];
    this.#child = spawn('ip', ['netns', 'exec', NODE_B, process.execPath, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    if (this.#child.stdout === null) throw new Error('no output');
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async vni(): Promise<number> {
    return ((await this.#answer()) as { vni: number }).vni;
  }

  async tell(line: string): Promise<ProbeResult> {
    this.#child.stdin?.write(`${line}\n`);
    return (await this.#answer()) as ProbeResult;
  }

  async end(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.stdin?.end();
    await ended;
  }

  async #answer(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('the observer has ended');
    return JSON.parse(value);
  }
}

describe('a guest that is watched', () => {
  let observer: Observer;
  let vni: number;
  beforeAll(async () => {
    observer = new Observer();
    vni = await observer.vni();
    const { address, port } = await probes.openPort({ switchName: 'lan', observer: observerAt(vni) });
    await observer.tell(`start ${address} ${port}`);
  });
  afterAll(async () => {
    await observer.end();
    await probes.closePort(vni);
    expect(portsLeft()).toEqual([]);
    expect(ip(NODE_A, 'link show type vxlan')).toBe('');
  });

  const watched = async (ms: number) => {
    await sleep(ms);
    return observer.tell('result');
  };

  test('answers nearly every request, 250 times a second', async () => {
    const before = await watched(500);
    const after = await watched(2000);
    const [sent, answered] = [after.sent - before.sent, after.answered - before.answered];
    console.log(
      `undisturbed for 2 s: ${sent} sent, ${answered} answered, longest gap ${after.longestGapMs?.toFixed(1)} ms`,
    );
    // A machine with other things to do leaves some out; it never asks more often.
    expect(sent).toBeGreaterThan(250);
    expect(sent).toBeLessThanOrEqual(520);
    expect(answered).toBeGreaterThan(sent * 0.9);
  });

  test('has no entry for the probe in its ARP cache', () => {
    expect(ip(GUEST_NETNS, 'neighbour show')).not.toContain('02:67:70');
  });

  test('is missed for as long as its link is down, from the moment it goes', async () => {
    const downAtMs = systemClock.wallMs();
    ip(GUEST_NETNS, 'link set eth0 down');
    await sleep(300);
    ip(GUEST_NETNS, 'link set eth0 up');
    const outsideMs = systemClock.wallMs() - downAtMs;
    const { longestGapMs, gapStartedAtMs } = await watched(1000);
    console.log(`link down for 300 ms (${outsideMs.toFixed(1)} with the commands): gap ${longestGapMs?.toFixed(1)} ms`);
    expect(longestGapMs).toBeGreaterThanOrEqual(290);
    expect(longestGapMs).toBeLessThan(1000);
    expect(Math.abs((gapStartedAtMs ?? 0) - downAtMs)).toBeLessThan(200);
  });

  test('is watched on when it is on the other node', async () => {
    ip(GUEST_NETNS, 'link set eth0 down');
    ip(GUEST_NETNS, `address del ${GUEST.address}/24 dev eth0`);
    ip(GUEST_NETNS, `address add ${GUEST.address}/24 dev eth1`);
    ip(GUEST_NETNS, 'link set eth1 up');
    const before = await watched(500);
    const after = await watched(500);
    expect(after.answered - before.answered).toBeGreaterThan(60);
  });

  test('is left alone after stop', async () => {
    const result = await observer.tell('stop');
    expect(await watched(100)).toEqual(result);
    expect(await observer.tell('stop')).toEqual(result);
    const table = execFileSync('ip', ['netns', 'exec', NODE_B, 'cat', '/proc/net/udp'], { encoding: 'utf8' });
    expect(table.trim().split('\n')).toHaveLength(1);
  });
});
