import type { NodeFencing } from '../model/authority.ts';
import type { NodeName } from '../model/names.ts';

export type PowerState = 'on' | 'off' | 'unknown';

/** Switches the power of other machines through their management controllers. Never a precondition of a failover: it makes one faster. */
export interface PowerFence {
  /**
   * Off, then asks until the controller says that it is off; `off` only with that answer. Gives up after `deadlineMs`. Never throws:
   * `reason` is the agent's own words.
   */
  powerOff(
    node: NodeName,
    device: NodeFencing,
    deadlineMs: number,
  ): Promise<{ readonly state: PowerState; readonly reason: string }>;
  powerOn(
    node: NodeName,
    device: NodeFencing,
    deadlineMs: number,
  ): Promise<{ readonly state: PowerState; readonly reason: string }>;
  status(
    node: NodeName,
    device: NodeFencing,
    deadlineMs: number,
  ): Promise<{ readonly state: PowerState; readonly reason: string }>;
}
