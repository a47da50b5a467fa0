import { isIPv4 } from 'node:net';
import { GodwitError, NOTHING_CHANGED } from '../../model/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type {
  GuestProbes,
  ProbePort,
  ProbePortRequest,
  ProbeResult,
  ProbeRun,
  ProbeTarget,
} from '../../ports/guest-probe.ts';
import type { Log } from '../../ports/log.ts';
import { type ArpQuestion, answers, arpPacketIn, arpRequest } from './arp-frame.ts';
import type { FrameSocket } from './frame-socket.ts';
import { type Bridge, parseNetworkDevices } from './network-devices.ts';
import {
  type AnswerTrack,
  closePortLine,
  hasProbePort,
  nextDueMs,
  NO_ANSWERS,
  observerLine,
  PROBE_INTERVAL_MS,
  probeMacAddress,
  probePortLines,
  withAnswer,
} from './probe-plan.ts';
import { ProbeTrace } from './probe-trace.ts';
import { IpCommand } from './run-ip.ts';
import { missingBridge, unknownSwitch } from './switch-errors.ts';
import { datagramOf, frameOf } from './vxlan-frame.ts';
import { checkVni, checkVxlanPeer } from './vxlan-peer.ts';

export interface GuestProbesOptions {
  /** Of this node's agent: where answers come in when it observes; its address is that of this node's ports. */
  readonly frameSocket: Pick<FrameSocket, 'address' | 'port' | 'listen' | 'ignore' | 'send'>;
  /**
   * UDP port on which this node's kernel takes the frames of VXLAN devices. Not the agents' own: a VXLAN device takes its
   * port on every address of the node.
   */
  readonly kernelPort: number;
  /** Virtual switches and the bridges behind them. */
  readonly switches: readonly { readonly name: string; readonly bridge: string }[];
  readonly clock: Clock;
  readonly log: Log;
  /** Named network namespace for the devices; null or left out: that of this process. */
  readonly netns?: string | null;
}

/** The probe of guests with ARP requests through VXLAN devices. */
export function createGuestProbes(options: GuestProbesOptions): GuestProbes {
  if (options.kernelPort === options.frameSocket.port) throw samePort(options.kernelPort);
  return new ArpProbes(options);
}

class ArpProbes implements GuestProbes {
  readonly #options: GuestProbesOptions;
  readonly #ip: IpCommand;
  readonly #bridge: IpCommand;

  constructor(options: GuestProbesOptions) {
    this.#options = options;
    this.#ip = new IpCommand(options.netns ?? null);
    this.#bridge = new IpCommand(options.netns ?? null, 'bridge');
  }

  get observer(): GuestProbes['observer'] {
    const { address, port } = this.#options.frameSocket;
    return { address, port };
  }

  async observe(target: ProbeTarget): Promise<ProbeRun> {
    checkTarget(target);
    let run: ArpProbeRun | null = null;
    const vni = await this.#options.frameSocket.listen((datagram, atMs) => run?.take(frameOf(datagram), atMs));
    run = new ArpProbeRun({ ...this.#options, vni, target });
    return run;
  }

  async openPort({ switchName, observer }: ProbePortRequest): Promise<ProbePort> {
    const { frameSocket, kernelPort } = this.#options;
    const { vni } = observer;
    const local = { address: frameSocket.address, port: kernelPort };
    checkVxlanPeer(observer, local.address);
    const json = await this.#ip.query(['-json', '-details', 'link', 'show']);
    const bridge = this.#bridgeBehind(switchName, json);
    const exists = hasProbePort(json, vni);
    try {
      const { name, mtuBytes } = bridge;
      await this.#ip.batch(probePortLines({ vni, bridge: name, mtuBytes, local, exists }));
      await this.#bridge.batch([observerLine(vni, observer)]);
    } catch (error) {
      await this.closePort(vni).catch((leftover: unknown) => {
        this.#options.log.error('The port of a guest probe could not be removed', { vni, error: leftover });
      });
      throw error;
    }
    return local;
  }

  async closePort(vni: number): Promise<void> {
    checkVni(vni);
    try {
      await this.#ip.batch([closePortLine(vni)]);
    } catch (error) {
      // Looking first would cost one more process each time, and somebody else may remove it in between.
      if (hasProbePort(await this.#ip.query(['-json', 'link', 'show']), vni)) throw error;
    }
  }

  /** Only a bridge that the kernel itself has named, so its name can be part of a line for `ip`. */
  #bridgeBehind(switchName: string, json: string): Bridge {
    const { switches } = this.#options;
    const wanted = switches.find((each) => each.name === switchName)?.bridge;
    if (wanted === undefined) {
      const known = switches.map(({ name }) => name);
      throw unknownSwitch({ name: switchName, wanted: 'from which a guest was to be probed', known });
    }
    const found = parseNetworkDevices(json).bridges.find((bridge) => bridge.name === wanted);
    if (found === undefined) throw missingBridge(wanted);
    if (found.forwardDelayMs > 0) {
      this.#options.log.warn('The bridge runs STP: the port of a guest probe forwards nothing at first', {
        bridge: found.name,
        delayMs: found.forwardDelayMs,
      });
    }
    return found;
  }
}

interface ArpProbeRunOptions extends Pick<GuestProbesOptions, 'frameSocket' | 'clock' | 'log'> {
  readonly vni: number;
  readonly target: ProbeTarget;
}

/**
 * A request every {@link PROBE_INTERVAL_MS}. A request carries no number that comes back, so any answer counts, also one to a
 * request that waited for the guest; the gap between two answers therefore ends when the guest
 * answers again, and is too long by at most one interval and the way there and back.
 *
 * A guest must own its address already: one that is just about to take it, e.g. after a restart, may see a
 * conflict in a request with the sender 0.0.0.0 (RFC 5227, section 2.1.1). Linux answers such requests.
 */
class ArpProbeRun implements ProbeRun {
  readonly vni: number;
  readonly #options: ArpProbeRunOptions;
  readonly #question: ArpQuestion;
  readonly #request: Buffer;
  #port: ProbePort | null = null;
  #cancelTimer: (() => void) | null = null;
  /** What was seen until it was stopped. */
  #final: ProbeResult | null = null;
  #sent = 0;
  #lastSentAtMs: number | null = null;
  /** This process itself may have had no time: a gap of that length says nothing about the guest. */
  #longestOwnPauseMs = 0;
  #track: AnswerTrack = NO_ANSWERS;
  readonly #trace = new ProbeTrace();

  constructor(options: ArpProbeRunOptions) {
    const { vni, target } = options;
    this.vni = vni;
    this.#options = options;
    this.#question = { askerMac: probeMacAddress(vni), askedMac: target.macAddress, address: target.address };
    this.#request = datagramOf(vni, arpRequest(this.#question));
  }

  start(port: ProbePort): void {
    if (this.#final !== null) return;
    // A bad one would throw in the timer.
    checkVxlanPeer({ ...port, vni: this.vni }, this.#options.frameSocket.address);
    this.#port = port;
    if (this.#cancelTimer === null) this.#ask(this.#options.clock.monotonicMs());
  }

  take(frame: Buffer, wallMs: number): void {
    const packet = arpPacketIn(frame);
    if (packet === undefined || !answers(packet, this.#question)) return;
    const monotonicMs = this.#options.clock.monotonicMs();
    this.#track = withAnswer(this.#track, { monotonicMs, wallMs });
    this.#trace.answered(monotonicMs);
  }

  result(): ProbeResult {
    // Of what was still open when it was stopped nothing more becomes known.
    if (this.#final !== null) return this.#final;
    const { answered, longestGapMs, gapStartedAtMs } = this.#track;
    const samples = this.#trace.samples(this.#options.clock.monotonicMs());
    return { intervalMs: PROBE_INTERVAL_MS, sent: this.#sent, answered, longestGapMs, gapStartedAtMs, samples };
  }

  stop(): ProbeResult {
    if (this.#final !== null) return this.#final;
    const result = this.result();
    this.#final = result;
    this.#cancelTimer?.();
    this.#options.frameSocket.ignore(this.vni);
    const { samples: _, ...figures } = result;
    this.#options.log.debug('A guest was probed', { ...figures, longestOwnPauseMs: this.#longestOwnPauseMs });
    return result;
  }

  #ask(dueMs: number): void {
    const { clock, frameSocket } = this.#options;
    if (this.#port !== null) frameSocket.send(this.#request, this.#port.address, this.#port.port);
    this.#sent += 1;
    const nowMs = clock.monotonicMs();
    this.#trace.asked({ monotonicMs: nowMs, wallMs: clock.wallMs() });
    this.#longestOwnPauseMs = Math.max(this.#longestOwnPauseMs, nowMs - (this.#lastSentAtMs ?? nowMs));
    this.#lastSentAtMs = nowMs;
    const nextMs = nextDueMs(dueMs, nowMs);
    this.#cancelTimer = clock.after(nextMs - nowMs, () => this.#ask(nextMs));
  }
}

const MAC_ADDRESS_PATTERN = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

function checkTarget({ macAddress, address }: ProbeTarget): void {
  // The lowest bit of the first byte marks a group: the probe must never be flooded.
  const isUnicast = MAC_ADDRESS_PATTERN.test(macAddress) && (Number.parseInt(macAddress.slice(0, 2), 16) & 1) === 0;
  if (isUnicast && isIPv4(address)) return;
  throw new GodwitError({
    code: 'INVALID_INPUT',
    message: `A guest cannot be probed at the MAC address "${macAddress}" and the IPv4 address "${address}".`,
    state: NOTHING_CHANGED,
    nextStep:
      'Use six pairs of lower-case hexadecimal digits with colons between them, and an address like 192.0.2.10.',
  });
}

function samePort(port: number): GodwitError {
  return new GodwitError({
    code: 'INVALID_INPUT',
    message: `UDP port ${port} cannot be both that of the agents and that of the kernels' VXLAN devices.`,
    state: NOTHING_CHANGED,
    nextStep: "Give one of the two another port in the agent's configuration.",
  });
}
