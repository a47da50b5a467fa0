/** Which addresses a download may never go to: behind them are things that trust the node, and the user who gives the URL need not. */
import { BlockList, isIP, isIPv6 } from 'node:net';

const OWN_AND_LINK = [
  ['0.0.0.0', 8, 'ipv4', 'the node itself'],
  ['127.0.0.0', 8, 'ipv4', 'the node itself'],
  ['169.254.0.0', 16, 'ipv4', 'the link (RFC 3927), where metadata services are'],
  ['224.0.0.0', 3, 'ipv4', 'no single machine'],
  ['::', 128, 'ipv6', 'the node itself'],
  ['::1', 128, 'ipv6', 'the node itself'],
  ['fe80::', 10, 'ipv6', 'the link (RFC 4291)'],
  ['ff00::', 8, 'ipv6', 'no single machine'],
  ['fd00:ec2::254', 128, 'ipv6', 'a metadata service'],
] as const;

/** "::ffff:10.0.0.1", also written "::ffff:a00:1", is the same machine as "10.0.0.1"; so is NAT64's "64:ff9b::a00:1". */
const MAPPED_PREFIXES = ['::ffff:', '64:ff9b::'];

export interface AddressRules {
  /** "10.1.0.0/16" or a single address: allowed whatever speaks against it. */
  readonly allowed: readonly string[];
  /** Addresses of the cluster's machines. */
  readonly cluster: readonly string[];
}

/** Why the address is refused, completing "it leads to …"; null: it is not. */
export function whyRefused(address: string, { allowed, cluster }: AddressRules): string | null {
  const plain = plainAddress(address);
  const family = isIPv6(plain) ? 'ipv6' : 'ipv4';
  if (isIP(plain) === 0) return `"${address}", which is no address`;
  if (allowed.some((range) => isIn(plain, range))) return null;
  for (const [network, prefix, type, what] of OWN_AND_LINK) {
    const list = new BlockList();
    list.addSubnet(network, prefix, type);
    if (type === family && list.check(plain, family)) return what;
  }
  return cluster.some((own) => isIP(own) !== 0 && isIn(plain, own)) ? 'a machine of the cluster' : null;
}

function isIn(address: string, range: string): boolean {
  const [network = '', prefix] = range.split('/');
  const plain = plainAddress(network);
  const family = isIPv6(plain) ? 'ipv6' : 'ipv4';
  if (isIP(plain) === 0 || isIPv6(address) !== (family === 'ipv6')) return false;
  const list = new BlockList();
  if (prefix === undefined) list.addAddress(plain, family);
  else list.addSubnet(plain, Number(prefix), family);
  return list.check(address, family);
}

/** IPv6 that stands for an IPv4 address, as that. */
function plainAddress(address: string): string {
  const bare = address
    .replace(/^\[|\]$/g, '')
    .replace(/%.*$/, '')
    .toLowerCase();
  if (!isIPv6(bare)) return bare;
  const canonical = new URL(`http://[${bare}]/`).hostname.slice(1, -1);
  const prefix = MAPPED_PREFIXES.find((one) => canonical.startsWith(one));
  if (prefix === undefined) return canonical;
  const [high = '0', low] = canonical.slice(prefix.length).split(':');
  const [first, second] = low === undefined ? ['0', high] : [high, low];
  const [upper, lower] = [Number.parseInt(first || '0', 16), Number.parseInt(second || '0', 16)];
  return [upper >> 8, upper & 255, lower >> 8, lower & 255].join('.');
}
