/** What `ip -json link show` says; with `-details` also which devices are taps and bridges. Pure. */
import { isTapName } from './tap-name.ts';

export interface Bridge {
  readonly name: string;
  readonly mtuBytes: number;
  /** A new port forwards only after this long; 0 without STP. */
  readonly forwardDelayMs: number;
}

export interface NetworkDevices {
  /** Taps that carry a name of ours. */
  readonly taps: readonly string[];
  readonly bridges: readonly Bridge[];
}

interface LinkEntry {
  readonly ifname?: string;
  readonly mtu?: number;
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_data?: { readonly type?: string; readonly stp_state?: number; readonly forward_delay?: number };
  };
}

function linkEntries(json: string): readonly LinkEntry[] {
  // Without any device `ip` prints nothing at all.
  return json.trim() === '' ? [] : (JSON.parse(json) as readonly LinkEntry[]);
}

export function deviceNames(json: string): string[] {
  return linkEntries(json).flatMap(({ ifname }) => ifname ?? []);
}

/** Needs `-details`. */
export function parseNetworkDevices(json: string): NetworkDevices {
  const taps: string[] = [];
  const bridges: Bridge[] = [];
  for (const { ifname, mtu, linkinfo } of linkEntries(json)) {
    if (ifname === undefined) continue;
    const data = linkinfo?.info_data;
    if (linkinfo?.info_kind === 'tun' && data?.type === 'tap' && isTapName(ifname)) taps.push(ifname);
    if (linkinfo?.info_kind === 'bridge') {
      // The kernel counts the delay in hundredths of a second and waits twice: listening, then learning.
      const forwardDelayMs = (data?.stp_state ?? 0) === 0 ? 0 : (data?.forward_delay ?? 0) * 10 * 2;
      bridges.push({ name: ifname, mtuBytes: mtu ?? 1500, forwardDelayMs });
    }
  }
  return { taps, bridges };
}
