/** What the probe of a guest does, without doing it: its names, the lines for `ip` and `bridge`, its rhythm and its gaps. Pure. */
import { deviceNames } from './network-devices.ts';

/** 250 requests per second. */
export const PROBE_INTERVAL_MS = 4;

const PORT_PREFIX = 'gwp';
/** Locally administered, unicast (IEEE 802: second lowest bit of the first byte set, lowest one clear). */
export const PROBE_MAC_PREFIX = '02:67:70';
/** As a tap's: a bridge that was not given an address takes the lowest of its ports', which would change that of the node. */
const PORT_MAC_PREFIX = 'fe:67:70';

/** Device of a probe: "gwp" and six hexadecimal digits, by which one that was left behind is found. */
export function probePortName(vni: number): string {
  return PORT_PREFIX + hexDigits(vni);
}

/** From which the probe asks, and to which guests answer: no machine's own. */
export function probeMacAddress(vni: number): string {
  return macAddress(PROBE_MAC_PREFIX, vni);
}

export interface PlannedProbePort {
  readonly vni: number;
  readonly bridge: string;
  /** Of the bridge: a port with a smaller one would pull down that of the bridge. */
  readonly mtuBytes: number;
  /** Own address, and the UDP port on which the kernel takes the probe's frames. */
  readonly local: { readonly address: string; readonly port: number };
  /** The device is there already; it may be that of an earlier agent, with another address or observer. */
  readonly exists: boolean;
}

/**
 * For `ip -batch`. The bridge must learn the probe's address on this port, from the requests themselves, or else it would
 * flood the answers; and it must flood nothing into the port: the probe sees answers to itself and not the whole network.
 * All this before `up`, so that there is no moment in which it is otherwise. Only what the node itself says to all on its
 * bridge still goes there, because the kernel asks the flags about forwarded frames alone; the observer drops it.
 */
export function probePortLines({ vni, bridge, mtuBytes, local, exists }: PlannedProbePort): string[] {
  const name = probePortName(vni);
  const device = `address ${macAddress(PORT_MAC_PREFIX, vni)} mtu ${mtuBytes}`;
  const tunnel = `vxlan id ${vni} local ${local.address} dstport ${local.port} nolearning noudpcsum`;
  return [
    ...(exists ? [closePortLine(vni)] : []),
    `link add ${name} ${device} type ${tunnel}`,
    `link set dev ${name} addrgenmode none master ${bridge}`,
    `link set dev ${name} type bridge_slave flood off mcast_flood off bcast_flood off learning on`,
    `link set dev ${name} up`,
  ];
}

/** For `bridge`: everything that leaves through the port goes to the observer. */
export function observerLine(vni: number, observer: { readonly address: string; readonly port: number }): string {
  return `fdb append 00:00:00:00:00:00 dev ${probePortName(vni)} dst ${observer.address} port ${observer.port}`;
}

/** For `ip`. */
export function closePortLine(vni: number): string {
  return `link delete dev ${probePortName(vni)}`;
}

/** Whether `ip -json link show` lists the probe's device. */
export function hasProbePort(json: string, vni: number): boolean {
  return deviceNames(json).includes(probePortName(vni));
}

/**
 * When to ask next, after the request that was due at `dueMs` went out at `nowMs`. Always a whole number of intervals later, so
 * that the rhythm does not drift; requests that were missed are left out, and the next one is at least
 * half an interval away, so that there is never a burst.
 */
export function nextDueMs(dueMs: number, nowMs: number): number {
  const missed = Math.max(0, Math.round((nowMs - dueMs) / PROBE_INTERVAL_MS));
  return dueMs + (missed + 1) * PROBE_INTERVAL_MS;
}

/** One instant on two clocks, in milliseconds: gaps are measured with the one that nobody sets. */
export interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** Answers so far. */
export interface AnswerTrack {
  readonly answered: number;
  readonly last: Instant | null;
  /** Longest time between two successive answers, null with fewer than two; of equal ones the first. */
  readonly longestGapMs: number | null;
  /** Wall clock at the answer before it. */
  readonly gapStartedAtMs: number | null;
}

export const NO_ANSWERS: AnswerTrack = { answered: 0, last: null, longestGapMs: null, gapStartedAtMs: null };

export function withAnswer(track: AnswerTrack, at: Instant): AnswerTrack {
  const next = { ...track, answered: track.answered + 1, last: at };
  if (track.last === null) return next;
  const gapMs = at.monotonicMs - track.last.monotonicMs;
  if (track.longestGapMs !== null && gapMs <= track.longestGapMs) return next;
  return { ...next, longestGapMs: gapMs, gapStartedAtMs: track.last.wallMs };
}

function macAddress(prefix: string, vni: number): string {
  return `${prefix}:${hexDigits(vni).replaceAll(/..(?!$)/g, '$&:')}`;
}

function hexDigits(vni: number): string {
  return vni.toString(16).padStart(6, '0');
}
