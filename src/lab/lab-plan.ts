/**
 * What a lab consists of: its machines, their addresses and links, and the `ip` and `tc` commands that make them.
 * Pure; `namespaces.ts` runs the commands.
 */
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import { parseBitRate } from '../model/units.ts';

export const MACHINE_KINDS = ['node', 'witness', 'client'] as const;
export type MachineKind = (typeof MACHINE_KINDS)[number];

const LAB_NETWORKS = ['cluster', 'client', 'storage'] as const;
export type LabNetwork = (typeof LAB_NETWORKS)[number];

export const API_PORT = 8440;
export const PEER_PORT = 8441;
export const NODES_MAX = 9;
export const LAB_INDEX_MAX = 250;

/** The networks that have wires; `storage` is a directory of this host. */
export type WiredNetwork = Exclude<LabNetwork, 'storage'>;
export const WIRED_NETWORKS: readonly WiredNetwork[] = ['cluster', 'client'];

/** One cable between a machine and a bridge of the switch. */
export interface Link {
  readonly network: WiredNetwork;
  /** Port in the switch, e.g. "node1-cluster". */
  readonly port: string;
  /** Device in the machine, e.g. "cluster0". */
  readonly device: string;
  readonly macAddress: string;
  /** Bridge in the machine that the device is a port of and that has the address; null: the device has it. */
  readonly bridge: string | null;
  readonly address: string;
}

export interface Machine {
  readonly name: string;
  readonly kind: MachineKind;
  readonly links: readonly Link[];
}

export interface LabPlan {
  readonly name: string;
  /** 1 to 250, different for every lab on this host: the third number of its loopback addresses is the lab's. */
  readonly index: number;
  /** "1gbit", or "none". */
  readonly link: string;
  readonly machines: readonly Machine[];
}

export const BRIDGE = 'br0';
export const SWITCH = 'switch';

export interface LabWishes {
  readonly name: string;
  readonly index: number;
  readonly nodes: number;
  readonly link: string;
  /** Default true. */
  readonly witness?: boolean;
}

export function planLab({ name, index, nodes, link, witness = true }: LabWishes): LabPlan {
  const machines: Machine[] = [];
  for (let number = 1; number <= nodes; number += 1) {
    machines.push({
      name: `node${number}`,
      kind: 'node',
      links: [
        makeLink(`node${number}`, {
          network: 'cluster',
          device: 'cluster0',
          address: `10.77.0.${10 + number}`,
          macAddress: mac(index, 1, 10 + number),
        }),
        makeLink(`node${number}`, {
          network: 'client',
          device: 'uplink0',
          bridge: BRIDGE,
          address: `10.78.0.${10 + number}`,
          macAddress: mac(index, 2, 10 + number),
        }),
      ],
    });
  }
  if (witness) {
    const cable = {
      ...({ network: 'cluster', device: 'cluster0', address: '10.77.0.10' } as const),
      macAddress: mac(index, 1, 10),
    } as const;
    machines.push({ name: 'witness', kind: 'witness', links: [makeLink('witness', cable)] });
  }
  const cable = { network: 'client', device: 'eth0', address: '10.78.0.9', macAddress: mac(index, 2, 9) } as const;
  machines.push({ name: 'client', kind: 'client', links: [makeLink('client', cable)] });
  return { name, index, link, machines };
}

function makeLink(machine: string, link: Omit<Link, 'port' | 'bridge'> & { bridge?: string }): Link {
  return { ...link, bridge: link.bridge ?? null, port: `${machine}-${link.network}` };
}

/** Locally administered; "02:67:77" for godwit's lab. */
function mac(index: number, network: number, host: number): string {
  return ['02', '67', '77', ...[index, network, host].map((part) => part.toString(16).padStart(2, '0'))].join(':');
}

export function namespaceOf(lab: string, machine: string): string {
  return `godwit-${lab}-${machine}`;
}

/** The machine whose namespace this is, if it belongs to the lab. Another lab's name may begin with this one's. */
export function machineOfNamespace(lab: string, namespace: string): string | undefined {
  const prefix = `godwit-${lab}-`;
  const machine = namespace.startsWith(prefix) ? namespace.slice(prefix.length) : '';
  return /^(node[1-9]|witness|client|switch)$/.test(machine) ? machine : undefined;
}

/** Address on this host's loopback at which a node's API is reached; undefined for a machine without one. */
export function gatewayAddress(plan: Pick<LabPlan, 'index'>, machine: string): string | undefined {
  const number = /^node([1-9])$/.exec(machine)?.[1];
  return number === undefined ? undefined : `127.77.${plan.index}.${number}`;
}

/** How many members the store will have, once all have joined: see the planner of the seats. */
export function seatCount(plan: LabPlan): 1 | 3 | 5 {
  const nodes = plan.machines.filter((machine) => machine.kind === 'node').length;
  const members = plan.machines.filter((machine) => machine.kind !== 'client').length;
  return nodes >= 7 ? 5 : members >= 3 ? 3 : 1;
}

// ---- Commands. Each list is for one `ip -batch`, in the namespace that its function names.

/** Leads nowhere: whatever goes into it is gone. Frames that are to be dropped go there, because not every kernel has an action for that. */
const NOWHERE = 'nowhere';

/** In the switch: one bridge per network. Neither ever delays a frame because of the spanning tree. */
export function switchCommands(): string[] {
  return [
    ...WIRED_NETWORKS.flatMap((network) => [
      `link add ${network} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
      `link set ${network} up`,
    ]),
    `link add ${NOWHERE} type veth peer name ${NOWHERE}-end`,
    `link set ${NOWHERE} up`,
    `link set ${NOWHERE}-end up`,
  ];
}

/** In the switch: the cables to one machine. Both ends are made where they belong, so the host never sees a device. */
export function cableCommands(plan: LabPlan, machine: Machine): string[] {
  return machine.links.flatMap((link) => [
    `link add ${link.port} type veth peer name ${link.device} address ${link.macAddress} netns ${namespaceOf(plan.name, machine.name)}`,
    `link set ${link.port} master ${link.network} up`,
  ]);
}

/** In the machine: addresses. A bridge gets a fixed hardware address, or it would change with every VM that comes. */
export function machineCommands(machine: Machine): string[] {
  const commands = ['link set lo up'];
  for (const link of machine.links) {
    commands.push(`link set ${link.device} up`);
    if (link.bridge !== null) {
      commands.push(
        `link add ${link.bridge} address ${link.macAddress.replace(/^02/, '06')} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
        `link set ${link.device} master ${link.bridge}`,
        `link set ${link.bridge} up`,
      );
    }
    const device = link.bridge ?? link.device;
    commands.push(
      `address add ${link.address}/24 broadcast + dev ${device}`,
      // Acknowledge at once: the last, small messages of a migration would otherwise wait 40 ms for a delayed ACK.
      `route replace ${link.address.replace(/[0-9]+$/, '0')}/24 dev ${device} src ${link.address} quickack 1`,
    );
  }
  return commands;
}

/** For `tc -batch`: what leaves through a device is held to the link's rate. Empty for an unshaped lab. */
export function shapeCommands(plan: LabPlan, devices: readonly string[]): string[] {
  if (plan.link === 'none') return [];
  return devices.map((device) => `qdisc add dev ${device} root tbf rate ${plan.link} burst 256kb latency 20ms`);
}

/** Which frames a cut drops, as the machine sees it: those that it should get, those that it sends, or all. */
export type CutDirection = 'in' | 'out' | 'both';
/** By network; the others are whole. */
export type Cuts = Readonly<Partial<Record<WiredNetwork, CutDirection>>>;

/** In the switch. A port without a bridge keeps its carrier, so that both ends believe in the link: frames just vanish. */
export function cutCommand(link: Link, direction: CutDirection): string {
  return direction === 'both' ? `link set ${link.port} nomaster` : mendCommand(link);
}

/** For `tc -batch`, in the switch: what goes out of its port comes in at the machine. Nothing for a cut of both directions. */
export function dropCommands(link: Link, direction: CutDirection): string[] {
  if (direction === 'both') return [];
  const hook = direction === 'in' ? 'egress' : 'ingress';
  const everything = 'protocol all prio 1 u32 match u32 0 0';
  return [
    `qdisc add dev ${link.port} clsact`,
    `filter add dev ${link.port} ${hook} ${everything} action mirred egress redirect dev ${NOWHERE}`,
  ];
}

export function mendCommand(link: Link): string {
  return `link set ${link.port} master ${link.network}`;
}

// ---- Input

export function checkLink(text: string): string {
  const rate = text === 'none' ? Number.POSITIVE_INFINITY : parseBitRate(text);
  if (rate !== undefined && rate >= 125_000) return text.toLowerCase();
  throw invalid(
    `"${text}" is not the rate of a link.`,
    'Give a rate of at least 1mbit, such as 1gbit or 500mbit, or none.',
  );
}

export function checkNodeCount(count: number): number {
  if (Number.isInteger(count) && count >= 1 && count <= NODES_MAX) return count;
  throw invalid(`A lab cannot have ${count} nodes.`, `Give a number from 1 to ${NODES_MAX}.`);
}

/** The cables that `cut` and `mend` are about. */
export function linksToCut(machine: Machine, network: LabNetwork | undefined): readonly Link[] {
  if (network === undefined) return machine.links;
  if (network === 'storage') {
    throw invalid(
      "The storage network of a lab cannot be cut: its volume is a directory of this machine's own file system.",
      'Name cluster or client.',
    );
  }
  const links = machine.links.filter((link) => link.network === network);
  if (links.length > 0) return links;
  throw invalid(`${machine.name} is not on the ${network} network.`, 'Name a network that it is on, or none for all.');
}

function invalid(message: string, nextStep: string): GodwitError {
  return new GodwitError({ code: 'INVALID_INPUT', message, state: NOTHING_CHANGED, nextStep });
}
