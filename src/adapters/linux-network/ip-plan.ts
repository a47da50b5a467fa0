/** The lines for `ip -batch` that make and remove taps. Pure. */

export interface PlannedTap {
  readonly name: string;
  readonly bridge: string;
  readonly macAddress: string;
  /** Of the bridge: a port with a smaller one would pull down that of the bridge. */
  readonly mtuBytes: number;
  /** The tap is there already, e.g. made by an agent that was killed before QEMU started. */
  readonly exists: boolean;
}

/**
 * `vnet_hdr` is what QEMU's virtio-net asks for; without `vhost` and without `multi_queue`, as QEMU opens it.
 * `addrgenmode none` before `up`: the node itself must not speak on a guest's tap (router solicitations,
 * multicast reports), least of all on the destination's before the guest has arrived.
 */
export function plugLines(
  taps: readonly PlannedTap[],
  user: { readonly uid: number; readonly gid: number } | null,
): string[] {
  const owner = user === null ? '' : ` user ${user.uid}`;
  return taps.flatMap((tap) => [
    ...(tap.exists ? [] : [`tuntap add dev ${tap.name} mode tap${owner} vnet_hdr`]),
    `link set dev ${tap.name} address ${tap.macAddress} addrgenmode none mtu ${tap.mtuBytes} master ${tap.bridge}`,
    `link set dev ${tap.name} up`,
  ]);
}

/** For `tc`: where the filter goes that mirrors the guest's frames during a migration. */
export function filterRoomLine(tap: string): string {
  return `qdisc add dev ${tap} clsact`;
}

const MAC_ADDRESS_PATTERN = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

/**
 * Address of the tap itself for a guest's address; undefined if that is malformed. It begins with "fe", because a bridge that
 * was not given an address takes the lowest of its ports': with a lower one, plugging in a VM would change
 * the node's own address and cut its connections. It must also differ from the guest's.
 */
export function tapMacAddress(guestMacAddress: string): string | undefined {
  return MAC_ADDRESS_PATTERN.test(guestMacAddress) ? `fe${guestMacAddress.slice(2)}` : undefined;
}

export function removeLines(names: readonly string[]): string[] {
  return names.map((name) => `link delete dev ${name}`);
}
