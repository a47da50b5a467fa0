/**
 * The lines for `ip`, `tc` and `bridge` behind a lossless switchover. Pure. docs/decisions/0014 explains the whole.
 *
 * Source: a filter on the guest's tap copies every frame into a VXLAN device whose only peer is the destination's agent. Once the
 * guest runs there, the bridge's entry for its address moves from the tap to a veth whose other end goes into the same
 * device: the tap can be removed, and a frame that still comes here is sent on.
 * Destination: what the agent sends to its own kernel comes out of a VXLAN device that is no port of any bridge, and
 * goes straight to the guest's tap. No frame can come back out of it, broadcast or not: there is no loop to make.
 */

/** Suffix that all devices of one NIC's switchover share: its network identifier. */
function suffix(vni: number): string {
  return vni.toString(16).padStart(6, '0');
}

export const mirrorDevice = (vni: number): string => `gwm${suffix(vni)}`;
/** The end that is a port of the bridge. */
export const onwardPort = (vni: number): string => `gwl${suffix(vni)}`;
const onwardEnd = (vni: number): string => `gwv${suffix(vni)}`;
export const injectDevice = (vni: number): string => `gwi${suffix(vni)}`;

/** Devices that are only there during a migration. */
export function isSwitchoverDevice(name: string): boolean {
  return /^gw[mlvip][0-9a-f]{6}$/.test(name);
}

export interface MirrorPlan {
  readonly vni: number;
  readonly tap: string;
  readonly macAddress: string;
  readonly bridge: string;
  readonly mtuBytes: number;
  /** Own address. */
  readonly local: string;
  /** The destination's agent. */
  readonly remote: { readonly address: string; readonly port: number };
  /** UDP port of the kernels' VXLAN devices. */
  readonly kernelPort: number;
}

interface Lines {
  readonly ip: readonly string[];
  readonly bridge: readonly string[];
  readonly tc: readonly string[];
}

/** Frames of a guest with offloads may be larger than any packet; the device splits them (see {@link WHOLE_FRAMES}). */
const DEVICE_MTU_BYTES = 65_000;
/** `ethtool -K`: the device must get finished frames, no larger than the guest's own, with their checksums in place: no kernel looks at them again. */
export const WHOLE_FRAMES = ['tx', 'off', 'gso', 'off', 'tso', 'off'] as const;
/** The kernel's default. */
const USUAL_SEGMENTS = 65_535;
const EVERY_FRAME = 'protocol all prio 1 u32 match u32 0 0';

export function mirrorLines(plan: MirrorPlan): Lines {
  const { vni, bridge, kernelPort, local, macAddress, mtuBytes, remote } = plan;
  const [mirror, port, end] = [mirrorDevice(vni), onwardPort(vni), onwardEnd(vni)];
  return {
    ip: [
      `link add ${mirror} type vxlan id ${vni} local ${local} dstport ${kernelPort} nolearning noudpcsum`,
      `link set dev ${mirror} addrgenmode none mtu ${DEVICE_MTU_BYTES}`,
      `link set dev ${mirror} up`,
      `link add ${port} type veth peer name ${end}`,
      `link set dev ${end} addrgenmode none mtu ${mtuBytes}`,
      `link set dev ${port} addrgenmode none mtu ${mtuBytes} master ${bridge}`,
      // Only what is addressed to the guest goes this way. The other end is still down, so nothing was flooded before.
      `link set dev ${port} type bridge_slave flood off mcast_flood off bcast_flood off learning off`,
      `link set dev ${port} up`,
    ],
    bridge: [`fdb append 00:00:00:00:00:00 dev ${mirror} dst ${remote.address} port ${remote.port}`],
    tc: [
      `qdisc add dev ${end} clsact`,
      // The bridge's own broadcasts come here in spite of the flags. They are mirrored at the tap already, and would upset the count.
      `filter add dev ${end} ingress protocol all prio 1 u32 match ether dst ${macAddress} action mirred egress redirect dev ${mirror}`,
    ],
  };
}

/** After {@link mirrorLines}: the veth carries from now on. */
export function onwardUpLine(vni: number): string {
  return `link set dev ${onwardEnd(vni)} up`;
}

/**
 * `sticky`, because a merely static entry moves when the guest is heard elsewhere. With one segment at a time the kernel splits what it
 * would give the guest as one large frame, so that frames read from the tap and frames mirrored are counted alike.
 */
export function armLines({ vni, tap, macAddress }: MirrorPlan): Lines {
  return {
    ip: [`link set dev ${tap} gso_max_segs 1`],
    bridge: [`fdb replace ${macAddress} dev ${tap} master static sticky`],
    // The queueing discipline is there since the tap was made: adding it under traffic costs frames.
    tc: [`filter add dev ${tap} egress ${EVERY_FRAME} action mirred egress mirror dev ${mirrorDevice(vni)}`],
  };
}

export function disarmLines({ tap, macAddress }: Pick<MirrorPlan, 'tap' | 'macAddress'>): Lines {
  return {
    ip: [usualSegmentsLine(tap)],
    bridge: [`fdb del ${macAddress} dev ${tap} master`],
    tc: [`filter del dev ${tap} egress`],
  };
}

export function usualSegmentsLine(tap: string): string {
  return `link set dev ${tap} gso_max_segs ${USUAL_SEGMENTS}`;
}

export function handOverLine({ vni, macAddress }: MirrorPlan): string {
  return `fdb replace ${macAddress} dev ${onwardPort(vni)} master static sticky`;
}

/** The veth's other end goes with it. */
export function mirrorDevices(vni: number): string[] {
  return [mirrorDevice(vni), onwardPort(vni)];
}

export interface HoldPlan {
  readonly vni: number;
  readonly tap: string;
  readonly local: string;
  readonly kernelPort: number;
}

/** Frames that a tap can take at once when a guest arrives. It stays so: the kernel loses frames when the length is changed under traffic. */
const TAP_QUEUE_FRAMES = 4096;

/** The bridge floods nothing to the tap before the guest runs: old broadcasts would fill the queue that its frames need. */
export function holdLines({ vni, tap, local, kernelPort }: HoldPlan): Lines {
  const inject = injectDevice(vni);
  return {
    ip: [
      `link set dev ${tap} type bridge_slave flood off mcast_flood off bcast_flood off`,
      `link set dev ${tap} txqueuelen ${TAP_QUEUE_FRAMES}`,
      `link add ${inject} type vxlan id ${vni} local ${local} dstport ${kernelPort} nolearning noudpcsum`,
      `link set dev ${inject} addrgenmode none`,
      `link set dev ${inject} up`,
    ],
    bridge: [],
    tc: [
      `qdisc add dev ${inject} clsact`,
      `filter add dev ${inject} ingress ${EVERY_FRAME} action mirred egress redirect dev ${tap}`,
    ],
  };
}

export function floodLine(tap: string): string {
  return `link set dev ${tap} type bridge_slave flood on mcast_flood on bcast_flood on`;
}
