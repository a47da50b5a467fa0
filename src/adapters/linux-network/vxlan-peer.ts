import { isIP } from 'node:net';
import { GodwitError, NOTHING_CHANGED } from '../../model/errors.ts';
import { VNI_MAX } from './vxlan-frame.ts';

/** The agent or the kernel at the other end of a VXLAN device, as another node names it. */
export interface VxlanPeer {
  readonly address: string;
  readonly port: number;
  readonly vni: number;
}

/** What comes from another node ends up in lines for `ip`. Throws INVALID_INPUT. */
export function checkVxlanPeer({ address, port, vni }: VxlanPeer, ownAddress: string): void {
  checkVni(vni);
  const isReachable = isIP(address) !== 0 && Number.isInteger(port) && port >= 1 && port <= 65_535;
  // The kernel does not send a VXLAN frame to an address of its own node but looks for a device there, and drops it.
  if (isReachable && address !== ownAddress) return;
  throw new GodwitError({
    code: 'INVALID_INPUT',
    message: `Frames cannot be sent from ${ownAddress} to "${address}", port ${port}.`,
    state: NOTHING_CHANGED,
    nextStep: 'Use the IP address of another node, and a port from 1 to 65535.',
  });
}

/** Throws INVALID_INPUT. */
export function checkVni(vni: number): void {
  if (Number.isInteger(vni) && vni >= 1 && vni <= VNI_MAX) return;
  throw new GodwitError({
    code: 'INVALID_INPUT',
    message: `${vni} cannot be a VXLAN network identifier.`,
    state: NOTHING_CHANGED,
    nextStep: `Use a whole number from 1 to ${VNI_MAX}.`,
  });
}
