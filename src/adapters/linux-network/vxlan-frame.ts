/** VXLAN (RFC 7348): 8 bytes before an Ethernet frame, in a UDP datagram. Pure. */

export const VXLAN_HEADER_BYTES = 8;
/** Only the flag "the network identifier is valid". */
const FLAGS = 0x08;
export const VNI_MAX = 0xff_ff_ff;

/** The network identifier of a datagram, 1 to {@link VNI_MAX}; undefined if it is no VXLAN datagram with a whole Ethernet header. */
export function vniOf(datagram: Buffer): number | undefined {
  if (datagram.length < VXLAN_HEADER_BYTES + 14 || datagram[0] !== FLAGS) return undefined;
  return datagram.readUIntBE(4, 3) || undefined;
}

/** The Ethernet frame in a datagram; shares its memory. */
export function frameOf(datagram: Buffer): Buffer {
  return datagram.subarray(VXLAN_HEADER_BYTES);
}

export function datagramOf(vni: number, frame: Uint8Array): Buffer {
  const datagram = Buffer.alloc(VXLAN_HEADER_BYTES + frame.length);
  datagram[0] = FLAGS;
  datagram.writeUIntBE(vni, 4, 3);
  datagram.set(frame, VXLAN_HEADER_BYTES);
  return datagram;
}
