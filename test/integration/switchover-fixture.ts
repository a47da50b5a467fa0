/** Two nodes with a guest's port on each, a client, and the switch between them, all of them network namespaces. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { filterRoomLine } from '../../src/adapters/linux-network/ip-plan.ts';
import { isTapName } from '../../src/adapters/linux-network/tap-name.ts';
import { datagramOf } from '../../src/adapters/linux-network/vxlan-frame.ts';
import type { SwitchoverCalls } from './switchover-process.ts';

const PROGRAM = join(import.meta.dirname, 'switchover-process.ts');

export type Place = 'source' | 'destination' | 'switch' | 'client' | 'guestBefore' | 'guest';
const PLACES: readonly Place[] = ['source', 'destination', 'switch', 'client', 'guestBefore', 'guest'];

export const netns = (place: Place) => `godwit-test-move-${place}-${process.pid}`;

function tool(name: 'ip' | 'bridge' | 'tc', place: Place, line: string): string {
  return execFileSync(name, ['-netns', netns(place), ...line.split(' ')], { encoding: 'utf8', stdio: 'pipe' });
}
export const ip = (place: Place, line: string) => tool('ip', place, line);
export const bridge = (place: Place, line: string) => tool('bridge', place, line);
export const tc = (place: Place, line: string) => tool('tc', place, line);

export const CLIENT_MAC = '52:54:00:00:00:99';
const CLIENT_PORT = 'toclient';

/** The guest's NICs. The taps are veths here, whose other ends are the guest's: before it has moved, where it answers nobody, and after. */
export const NICS = [
  { tap: 'gw0000000000a', macAddress: '52:54:00:00:00:01', nic: 'eth0', address: '10.5.0.10', client: '10.5.0.1' },
  { tap: 'gw0000000000b', macAddress: '52:54:00:00:00:02', nic: 'eth1', address: '10.5.1.10', client: '10.5.1.1' },
] as const;
const MTU = 9000;

export const NODES = {
  source: ['10.99.0.1', '15890', '15891'],
  destination: ['10.99.0.2', '15890', '15891'],
} as const;

export function makeNetworks(): void {
  for (const place of PLACES) {
    execFileSync('ip', ['netns', 'add', netns(place)]);
    ip(place, 'link set lo up');
    // A broadcast that comes to both NICs of the guest is to count once.
    setting(place, 'net.ipv4.conf.all.rp_filter=1');
    // IPv6 has much to say about new devices: nothing, or at once.
    if (place !== 'client' && place !== 'guest') setting(place, 'net.ipv6.conf.all.disable_ipv6=1');
    else setting(place, 'net.ipv6.conf.default.mldv2_unsolicited_report_interval=1');
    ip(place, `link add sink0 mtu ${MTU} type veth peer name sink1 mtu ${MTU}`);
    for (const device of ['sink0', 'sink1']) ip(place, `link set ${device} addrgenmode none up`);
  }
  ip('source', `link add cluster0 type veth peer name cluster0 netns ${netns('destination')}`);
  ip('switch', 'link add br0 type bridge');
  ip('switch', `link add ${CLIENT_PORT} mtu ${MTU} type veth peer name eth0 mtu ${MTU} netns ${netns('client')}`);
  joinBridge('switch', CLIENT_PORT);
  for (const node of ['source', 'destination'] as const) makeNode(node);
  ip('switch', 'link set br0 up');
  ip('client', `link set eth0 address ${CLIENT_MAC} addrgenmode none up`);
  bridge('switch', `fdb replace ${CLIENT_MAC} dev ${CLIENT_PORT} master static sticky`);
  ip('client', 'route add 224.0.0.0/4 dev eth0');
  NICS.forEach((nic) => giveAddresses(nic));
  carryRawFrames();
  watch('switch', 'tosource', 'ingress');
  watch('switch', 'todestination', 'ingress');
}

/** Ports that forward nothing yet: the kernel takes up to a second to notice that a cable is plugged in. */
export function idlePorts(): string[] {
  return (['switch', 'source', 'destination'] as const).flatMap((place) => {
    const ports = JSON.parse(bridge(place, '-json link show')) as { readonly ifname: string; readonly state: string }[];
    return ports.filter(({ state }) => state !== 'forwarding').map(({ ifname }) => `${place} ${ifname}`);
  });
}

function setting(place: Place, assignment: string): void {
  execFileSync('ip', ['netns', 'exec', netns(place), 'sysctl', '-qw', assignment]);
}

function makeNode(node: 'source' | 'destination'): void {
  ip(node, `address add ${NODES[node][0]}/24 dev cluster0`);
  ip(node, 'link set cluster0 up');
  ip(node, 'link add br0 type bridge');
  ip(node, `link add uplink0 mtu ${MTU} type veth peer name to${node} mtu ${MTU} netns ${netns('switch')}`);
  joinBridge(node, 'uplink0');
  joinBridge('switch', `to${node}`);
  bridge(node, `fdb replace ${CLIENT_MAC} dev uplink0 master static sticky`);
  // Another guest, which is to get nothing that is not for it.
  ip(node, `link add other0 mtu ${MTU} type veth peer name other1 mtu ${MTU}`);
  ip(node, 'link set other1 addrgenmode none up');
  joinBridge(node, 'other0');
  watch(node, 'other0', 'egress');
  ip(node, `link set br0 mtu ${MTU} up`);
  for (const nic of NICS) plug(node, nic);
}

export function plug(node: 'source' | 'destination', { tap, nic, macAddress }: (typeof NICS)[number]): void {
  const guest = node === 'source' ? 'guestBefore' : 'guest';
  ip(node, `link add ${tap} mtu ${MTU} type veth peer name ${nic} mtu ${MTU} netns ${netns(guest)}`);
  joinBridge(node, tap);
  tc(node, filterRoomLine(tap));
  if (nic !== 'eth0') setting(guest, `net.ipv6.conf.${nic}.disable_ipv6=1`);
  ip(guest, `link set ${nic} address ${macAddress} addrgenmode none up`);
}

function joinBridge(place: Place, port: string): void {
  ip(place, `link set ${port} addrgenmode none master br0 up`);
}

/** The switch goes on sending everything for the guest to the source: the worst that can happen. */
function giveAddresses({ nic, macAddress, address, client }: (typeof NICS)[number]): void {
  bridge('switch', `fdb replace ${macAddress} dev tosource master static sticky`);
  ip('client', `address add ${client}/24 broadcast + dev eth0`);
  ip('client', `neigh replace ${address} lladdr ${macAddress} dev eth0 nud permanent`);
  ip('guest', `address add ${address}/24 broadcast + dev ${nic}`);
  ip('guest', `neigh replace ${client} lladdr ${CLIENT_MAC} dev ${nic} nud permanent`);
  if (nic !== 'eth0') return;
  ip('client', 'address add fd05::1/64 dev eth0 nodad');
  ip('guest', 'address add fd05::10/64 dev eth0 nodad');
  ip('client', `neigh replace fd05::10 lladdr ${macAddress} dev eth0 nud permanent`);
}

/** UDP port on the loopback of the client where it takes whole frames to send. */
export const RAW_PORT = 15900;
const RAW_VNI = 5;

/** For frames that no socket makes; not every kernel has VLAN devices. */
function carryRawFrames(): void {
  ip('client', `link add raw0 type vxlan id ${RAW_VNI} local 127.0.0.1 dstport ${RAW_PORT} nolearning`);
  ip('client', 'link set raw0 addrgenmode none mtu 9000 up');
  tc('client', 'qdisc add dev raw0 clsact');
  tc('client', 'filter add dev raw0 ingress protocol all u32 match u32 0 0 action mirred egress redirect dev eth0');
  tc('guest', 'qdisc add dev eth0 clsact');
  tc('guest', 'filter add dev eth0 ingress protocol 802.1Q u32 match u32 0 0 action mirred egress mirror dev sink0');
}

/** What comes before the payload of a frame of VLAN 5 to the guest, as a datagram for {@link RAW_PORT}, in hexadecimal digits. */
export function vlanHeader(): string {
  const macs = [NICS[0].macAddress, CLIENT_MAC].join('').replaceAll(':', '');
  return datagramOf(RAW_VNI, Buffer.from(`${macs}8100000588b5`, 'hex')).toString('hex');
}

/** Frames with a VLAN tag that the guest has got. */
export const taggedFrames = () => matchedFrames('guest', 'eth0', 'ingress');

/** Counts the client's frames at a port, with the one action that Godwit itself needs of the kernel. */
function watch(place: Place, device: string, way: 'ingress' | 'egress'): void {
  const match = `u32 match ether src ${CLIENT_MAC}`;
  tc(place, `qdisc add dev ${device} clsact`);
  tc(place, `filter add dev ${device} ${way} protocol all ${match} action mirred egress mirror dev sink0`);
}

/** Of the client's frames, how many have passed a port that {@link makeNetworks} watches. */
function clientFrames(place: Place, device: string): number {
  return matchedFrames(place, device, place === 'switch' ? 'ingress' : 'egress');
}

function matchedFrames(place: Place, device: string, way: 'ingress' | 'egress'): number {
  const filters = JSON.parse(tc(place, `-s -j filter show dev ${device} ${way}`)) as {
    readonly options?: { readonly actions?: readonly { readonly stats: { readonly packets: number } }[] };
  }[];
  return filters.reduce((sum, { options }) => sum + (options?.actions?.[0]?.stats.packets ?? 0), 0);
}

/** Client frames that came to a port where none for the guest belongs; broadcasts come to the other guests once each. */
export function strayFrames() {
  return {
    backFromSource: clientFrames('switch', 'tosource'),
    backFromDestination: clientFrames('switch', 'todestination'),
    toOtherOnSource: clientFrames('source', 'other0'),
    toOtherOnDestination: clientFrames('destination', 'other0'),
  };
}

/** Frames and bytes that a NIC has received. */
export function receivedBy(place: Place, nic: string): { readonly packets: number; readonly bytes: number } {
  const [link] = JSON.parse(ip(place, `-json -statistics link show dev ${nic}`)) as {
    readonly stats64: { readonly rx: { readonly packets: number; readonly bytes: number } };
  }[];
  return link?.stats64.rx ?? { packets: 0, bytes: 0 };
}

/** All that a switchover changes on a node, in a form that can be compared. */
export function stateOf(node: 'source' | 'destination') {
  const links = JSON.parse(ip(node, '-json -details link show')) as Record<string, unknown>[];
  const devices = links.map((link) => {
    const {
      ifname,
      gso_max_segs: segments,
      linkinfo,
    } = link as {
      ifname: string;
      gso_max_segs: number;
      linkinfo?: { info_slave_data?: { flood: boolean; mcast_flood: boolean; bcast_flood: boolean } };
    };
    const { flood, mcast_flood: multicast, bcast_flood: broadcast } = linkinfo?.info_slave_data ?? {};
    return { ifname, segments, flood, multicast, broadcast };
  });
  const entries = JSON.parse(bridge(node, '-json fdb show')) as {
    readonly mac: string;
    readonly ifname: string;
    readonly flags?: readonly string[];
  }[];
  const pins = entries.filter(({ flags }) => flags?.includes('sticky')).map(({ mac, ifname }) => `${mac} ${ifname}`);
  const taps = links.map(({ ifname }) => String(ifname)).filter(isTapName);
  const filtered = taps.filter((tap) => tc(node, `filter show dev ${tap} egress`) !== '');
  // A port that was plugged in anew comes last in every list.
  return {
    devices: devices.toSorted((one, other) => one.ifname.localeCompare(other.ifname)),
    ...{ pins: pins.toSorted(), filtered: filtered.toSorted() },
  };
}

export function removeNetworks(): void {
  const existing = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  for (const place of PLACES) {
    if (existing.includes(netns(place))) execFileSync('ip', ['netns', 'del', netns(place)]);
  }
}

type Answer<C extends keyof SwitchoverCalls> = Awaited<ReturnType<SwitchoverCalls[C]>>;
type Argument<C extends keyof SwitchoverCalls> = Parameters<SwitchoverCalls[C]>;

/** A process in one of the namespaces. */
export class Runner {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(place: Place, path: string | undefined = process.env['PATH']) {
    const own = place === 'source' || place === 'destination' ? NODES[place] : [];
    this.#child = spawn('ip', ['netns', 'exec', netns(place), process.execPath, PROGRAM, ...own], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, PATH: path },
    });
    if (this.#child.stdout === null) throw new Error('no output');
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async ask<C extends keyof SwitchoverCalls>(call: C, ...[argument]: Argument<C>): Promise<Answer<C>> {
    this.#child.stdin?.write(`${JSON.stringify({ call, with: argument })}\n`);
    const line = await this.#lines.next();
    if (line.done === true) throw new Error('the process has ended');
    const answer = JSON.parse(line.value) as { result?: Answer<C>; error?: string };
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.result as Answer<C>;
  }

  /** As when an agent is killed. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await once(this.#child, 'close');
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.stdin?.end();
    await once(this.#child, 'close');
  }
}
