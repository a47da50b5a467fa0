import { createHash } from 'node:crypto';

const PREFIX = 'gw';
const TAP_NAME_PATTERN = /^gw[0-9a-f]{11}$/;

/**
 * Name of the tap of an instance's NIC: "gw" and 11 hexadecimal digits of a hash. The kernel allows 15
 * characters, too few for an instance id, and the tap must be found again from the id alone.
 */
export function tapName(instance: string, nicIndex: number): string {
  const hash = createHash('sha256').update(`${instance}/${nicIndex}`).digest('hex');
  return PREFIX + hash.slice(0, 11);
}

/** Whether a network device has the name of a tap of ours. */
export function isTapName(device: string): boolean {
  return TAP_NAME_PATTERN.test(device);
}
