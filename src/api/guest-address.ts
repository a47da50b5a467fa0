import type { AgentConfig } from '../model/agent-config.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';

/**
 * The first free guest address with prefix length ("10.78.0.100/24"); null if the cluster hands out none.
 * `taken`: addresses in use, without prefix length. Throws PLACEMENT_NOT_POSSIBLE when all are.
 */
export function freeGuestAddress(range: AgentConfig['guestAddresses'], taken: ReadonlySet<string>): string | null {
  if (range === null) return null;
  const [network = '', prefixLength = ''] = range.network.split('/');
  for (let host = range.first; host <= range.last; host++) {
    const address = addToAddress(network, host);
    if (!taken.has(address)) return `${address}/${prefixLength}`;
  }
  throw new GodwitError({
    code: 'PLACEMENT_NOT_POSSIBLE',
    message: `All ${range.last - range.first + 1} guest addresses of ${range.network} are in use.`,
    state: NOTHING_CHANGED,
    nextStep: 'Delete a VM that is no longer needed.',
  });
}

/** "10.78.0.0" and 300 to "10.78.1.44". */
function addToAddress(network: string, host: number): string {
  const value = network.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0) + host;
  return [16_777_216, 65_536, 256, 1].map((unit) => Math.floor(value / unit) % 256).join('.');
}
