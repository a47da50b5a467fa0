import { GodwitError, NOTHING_CHANGED } from '../../model/errors.ts';
import type { VmNic } from '../../model/vm.ts';
import type { Log } from '../../ports/log.ts';
import type { VmNetwork } from '../../ports/network.ts';
import { filterRoomLine, type PlannedTap, plugLines, removeLines, tapMacAddress } from './ip-plan.ts';
import { type Bridge, type NetworkDevices, parseNetworkDevices } from './network-devices.ts';
import { IpCommand } from './run-ip.ts';
import { missingBridge, unknownSwitch } from './switch-errors.ts';
import { isTapName, tapName } from './tap-name.ts';

export interface LinuxNetworkOptions {
  /** Virtual switches and the bridges behind them. The bridges exist. */
  readonly switches: readonly { readonly name: string; readonly bridge: string }[];
  /** May open the taps besides root. */
  readonly qemuUser: { readonly uid: number; readonly gid: number } | null;
  readonly log: Log;
  /** Named network namespace to work in; null or left out: that of this process. */
  readonly netns?: string | null;
}

/** Bridge names end up in lines for `ip`, so they may hold nothing that separates words. */
const DEVICE_NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/;

/** Taps and bridges of this node through iproute2. QEMU opens the taps by name, so `/dev/net/tun` must be open to its user. */
export function createLinuxNetwork(options: LinuxNetworkOptions): VmNetwork {
  for (const { name, bridge } of options.switches) {
    if (!DEVICE_NAME_PATTERN.test(bridge)) throw malformedBridge(name, bridge);
  }
  return new LinuxNetwork(options);
}

class LinuxNetwork implements VmNetwork {
  readonly #options: LinuxNetworkOptions;
  readonly #ip: IpCommand;
  readonly #tc: IpCommand;

  constructor(options: LinuxNetworkOptions) {
    this.#options = options;
    this.#ip = new IpCommand(options.netns ?? null);
    this.#tc = new IpCommand(options.netns ?? null, 'tc');
  }

  async plug(instance: string, nics: readonly VmNic[]): Promise<readonly string[]> {
    const wanted = nics.map((nic, index) => ({
      name: tapName(instance, index),
      bridge: this.#bridgeOf(nic),
      macAddress: tapMacAddress(nic.macAddress) ?? fail(malformedMacAddress(nic)),
    }));
    if (wanted.length === 0) return [];
    const devices = await this.#devices();
    const taps = wanted.map((tap): PlannedTap => {
      const bridge = devices.bridges.find((candidate) => candidate.name === tap.bridge);
      if (bridge === undefined) throw missingBridge(tap.bridge);
      this.#warnOfDelay(bridge);
      return { ...tap, mtuBytes: bridge.mtuBytes, exists: devices.taps.includes(tap.name) };
    });
    try {
      await this.#ip.batch(plugLines(taps, this.#options.qemuUser));
      await this.#makeRoomForFilters(taps);
    } catch (error) {
      // All or nothing, but a tap that was there before may be in use.
      await this.#remove(taps.filter((tap) => !tap.exists).map((tap) => tap.name)).catch((leftover: unknown) => {
        this.#options.log.error('Taps of a failed start could not be removed', { instance, error: leftover });
      });
      throw error;
    }
    return taps.map((tap) => tap.name);
  }

  /** Under traffic it would cost frames: the kernel stops a device for a moment to give it a queueing discipline. */
  async #makeRoomForFilters(taps: readonly PlannedTap[]): Promise<void> {
    const added = taps.filter((tap) => !tap.exists);
    await this.#tc.batch(added.map(({ name }) => filterRoomLine(name))).catch((error: unknown) => {
      // A kernel without it has no lossless switchover, which the agent says at its start.
      this.#options.log.debug('A tap cannot have filters', { error: String(error) });
    });
  }

  unplug(instance: string, nics: readonly VmNic[]): Promise<void> {
    return this.#remove(nics.map((_nic, index) => tapName(instance, index)));
  }

  async plugged(): Promise<readonly string[]> {
    return (await this.#devices()).taps;
  }

  async removeTap(tap: string): Promise<void> {
    if (!isTapName(tap)) throw notOurTap(tap);
    await this.#remove([tap]);
  }

  tapName(instance: string, nicIndex: number): string {
    return tapName(instance, nicIndex);
  }

  switches(): readonly string[] {
    return this.#options.switches.map((each) => each.name);
  }

  async #devices(): Promise<NetworkDevices> {
    return parseNetworkDevices(await this.#ip.query(['-json', '-details', 'link', 'show']));
  }

  async #remove(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    let existing = await this.#existing(names);
    while (existing.length > 0) {
      try {
        return await this.#ip.batch(removeLines(existing));
      } catch (error) {
        // Somebody else may have removed one in between, which stops the batch: again with what is left, as long as it becomes less.
        const left = await this.#existing(names);
        if (left.length >= existing.length) throw error;
        existing = left;
      }
    }
  }

  async #existing(names: readonly string[]): Promise<readonly string[]> {
    const { taps } = await this.#devices();
    return names.filter((name) => taps.includes(name));
  }

  #bridgeOf(nic: VmNic): string {
    const found = this.#options.switches.find((each) => each.name === nic.switchName);
    if (found !== undefined) return found.bridge;
    const wanted = `which ${nic.id} is to be plugged into`;
    throw unknownSwitch({ name: nic.switchName, wanted, known: this.switches() });
  }

  #warnOfDelay(bridge: Bridge): void {
    if (bridge.forwardDelayMs === 0) return;
    this.#options.log.warn('The bridge runs STP: a tap forwards nothing at first', {
      bridge: bridge.name,
      delayMs: bridge.forwardDelayMs,
    });
  }
}

function fail(error: GodwitError): never {
  throw error;
}

function malformedMacAddress(nic: VmNic): GodwitError {
  return new GodwitError({
    code: 'INVALID_INPUT',
    message: `"${nic.macAddress}" cannot be the MAC address of ${nic.id}.`,
    state: NOTHING_CHANGED,
    nextStep: 'Use six pairs of lower-case hexadecimal digits with colons between them, e.g. 52:54:00:12:34:56.',
  });
}

function malformedBridge(switchName: string, bridge: string): GodwitError {
  return new GodwitError({
    code: 'INVALID_INPUT',
    message: `"${bridge}" cannot be the bridge of the virtual switch "${switchName}".`,
    state: NOTHING_CHANGED,
    nextStep: "Correct the name of the bridge in the agent's configuration: at most 15 letters, digits, dots, hyphens.",
  });
}

function notOurTap(tap: string): GodwitError {
  return new GodwitError({
    code: 'INVALID_INPUT',
    message: `"${tap}" is not a tap made by Godwit.`,
    state: NOTHING_CHANGED,
    nextStep: 'Remove it by hand if it is not needed.',
  });
}
