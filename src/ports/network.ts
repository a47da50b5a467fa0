import type { VmNic } from '../model/vm.ts';

/** Tap devices and virtual switches of this node. Idempotent. */
export interface VmNetwork {
  /** Creates the tap of each NIC (owned by `qemuUser`), plugs it into its switch, brings it up. Returns the tap's names, in order. */
  plug(instance: string, nics: readonly VmNic[]): Promise<readonly string[]>;
  /** Removes the taps of an instance; absent ones are fine. */
  unplug(instance: string, nics: readonly VmNic[]): Promise<void>;
  /** Taps with this agent's prefix that exist: for finding leftovers. */
  plugged(): Promise<readonly string[]>;
  removeTap(tap: string): Promise<void>;
  /** Name of the tap of a NIC: at most 15 characters, derived from the instance id. */
  tapName(instance: string, nicIndex: number): string;
  switches(): readonly string[];
}
