/** ARP for IPv4 (RFC 826) in an Ethernet frame without its checksum. Pure. */

export interface ArpPacket {
  readonly operation: 'request' | 'reply';
  /** Of the Ethernet header; MAC addresses as six pairs of lower-case hexadecimal digits with colons. */
  readonly destinationMac: string;
  readonly sourceMac: string;
  readonly senderMac: string;
  /** IPv4, dotted. */
  readonly senderAddress: string;
  readonly targetMac: string;
  readonly targetAddress: string;
}

/** Shorter ones do not exist on a real Ethernet; the four bytes of the checksum come on top. */
const FRAME_BYTES_MIN = 60;
const ETHERNET_HEADER_BYTES = 14;
const ARP_BYTES = 28;
/** EtherType ARP. */
const ETHERTYPE = 0x0806;
/** Hardware type Ethernet, protocol type IPv4, address lengths 6 and 4. */
const ARP_OVER_ETHERNET = Buffer.from([0x00, 0x01, 0x08, 0x00, 6, 4]);
const OPERATION_REQUEST = 1;
const OPERATION_REPLY = 2;

export interface ArpQuestion {
  /** Who asks. */
  readonly askerMac: string;
  /** Who is asked, and for which IPv4 address. */
  readonly askedMac: string;
  readonly address: string;
}

/**
 * Asks one machine for its own address. Unicast, so that no switch floods it and no third machine sees it. The sender's protocol
 * address is 0.0.0.0 as in an ARP probe (RFC 5227, section 1.1): nobody's ARP cache learns anything from it.
 */
export function arpRequest({ askerMac, askedMac, address }: ArpQuestion): Buffer {
  const frame = Buffer.alloc(FRAME_BYTES_MIN);
  frame.set(macBytes(askedMac), 0);
  frame.set(macBytes(askerMac), 6);
  frame.writeUInt16BE(ETHERTYPE, 12);
  frame.set(ARP_OVER_ETHERNET, ETHERNET_HEADER_BYTES);
  frame.writeUInt16BE(OPERATION_REQUEST, 20);
  frame.set(macBytes(askerMac), 22);
  // Left zero: the sender's protocol address (28 to 31) and the target's hardware address (32 to 37), which is what is asked for.
  frame.set(address.split('.').map(Number), 38);
  return frame;
}

/** Undefined for anything that is not a whole ARP request or reply for IPv4 over Ethernet. */
export function arpPacketIn(frame: Buffer): ArpPacket | undefined {
  if (frame.length < ETHERNET_HEADER_BYTES + ARP_BYTES || frame.readUInt16BE(12) !== ETHERTYPE) return undefined;
  if (!frame.subarray(14, 20).equals(ARP_OVER_ETHERNET)) return undefined;
  const operation = frame.readUInt16BE(20);
  if (operation !== OPERATION_REQUEST && operation !== OPERATION_REPLY) return undefined;
  return {
    operation: operation === OPERATION_REQUEST ? 'request' : 'reply',
    destinationMac: macAt(frame, 0),
    sourceMac: macAt(frame, 6),
    senderMac: macAt(frame, 22),
    senderAddress: addressAt(frame, 28),
    targetMac: macAt(frame, 32),
    targetAddress: addressAt(frame, 38),
  };
}

/** Whether the machine that was asked says that the address is its own, to the one who asked. */
export function answers(packet: ArpPacket, { askerMac, askedMac, address }: ArpQuestion): boolean {
  return (
    packet.operation === 'reply' &&
    packet.destinationMac === askerMac &&
    packet.targetMac === askerMac &&
    packet.sourceMac === askedMac &&
    packet.senderMac === askedMac &&
    packet.senderAddress === address
  );
}

function macBytes(macAddress: string): Buffer {
  return Buffer.from(macAddress.replaceAll(':', ''), 'hex');
}

function macAt(frame: Buffer, offset: number): string {
  const digits = frame.toString('hex', offset, offset + 6);
  return digits.replaceAll(/..(?!$)/g, '$&:');
}

function addressAt(frame: Buffer, offset: number): string {
  return frame.subarray(offset, offset + 4).join('.');
}
