import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Log } from '../../ports/log.ts';
import type {
  FrameCounts,
  FrameCut,
  FrameHold,
  FrameMirror,
  GuestStop,
  GuestPort,
  HoldEndpoint,
  SwitchoverNetwork,
} from '../../ports/switchover-network.ts';
import { deviceCounters } from './device-counters.ts';
import type { FrameSocket } from './frame-socket.ts';
import { HeldFrames } from './held-frames.ts';
import { deviceNames, parseNetworkDevices } from './network-devices.ts';
import { IpCommand } from './run-ip.ts';
import {
  armLines,
  disarmLines,
  floodLine,
  handOverLine,
  type HoldPlan,
  holdLines,
  injectDevice,
  isSwitchoverDevice,
  mirrorDevice,
  mirrorDevices,
  mirrorLines,
  type MirrorPlan,
  onwardUpLine,
  usualSegmentsLine,
  WHOLE_FRAMES,
} from './switchover-plan.ts';
import { probeSwitchover } from './switchover-probe.ts';
import { checkVxlanPeer } from './vxlan-peer.ts';

export interface LinuxSwitchoverOptions {
  readonly frames: FrameSocket;
  /** UDP port of this node's VXLAN devices; another than that of the agents. */
  readonly kernelPort: number;
  readonly switches: readonly { readonly name: string; readonly bridge: string }[];
  readonly log: Log;
}

/** Lossless switchover with what Linux has: tc, VXLAN, the bridge's forwarding entries. */
export function createLinuxSwitchover(options: LinuxSwitchoverOptions): SwitchoverNetwork {
  return new LinuxSwitchover(options);
}

class LinuxSwitchover implements SwitchoverNetwork {
  readonly #options: LinuxSwitchoverOptions;
  readonly #tools: Tools = {
    ip: new IpCommand(null),
    bridge: new IpCommand(null, 'bridge'),
    tc: new IpCommand(null, 'tc'),
  };

  constructor(options: LinuxSwitchoverOptions) {
    this.#options = options;
  }

  missing(): Promise<readonly string[]> {
    return probeSwitchover(this.#tools, wholeFrames);
  }

  async openHold(ports: readonly GuestPort[]): Promise<FrameHold> {
    const { frames, kernelPort } = this.#options;
    const nics: HeldNic[] = [];
    try {
      for (const { tap, macAddress } of ports) {
        const droppedAtFirst = deviceCounters(networkTable(), tap).droppedFrames;
        const held = new HeldFrames(macAddress, (datagram) => frames.send(datagram, frames.address, kernelPort));
        const vni = await frames.listen((datagram, atMs) => held.arrived(datagram, atMs));
        nics.push({ held, droppedAtFirst, vni, tap, local: frames.address, kernelPort });
      }
      const lines = nics.map(holdLines);
      await this.#tools.ip.batch(lines.flatMap(({ ip }) => ip));
      await this.#tools.tc.batch(lines.flatMap(({ tc }) => tc));
      return new LinuxHold(nics, frames, this.#tools);
    } catch (error) {
      for (const { vni } of nics) frames.ignore(vni);
      await removeDevices(
        this.#tools,
        nics.map(({ vni }) => injectDevice(vni)),
      );
      throw error;
    }
  }

  async openMirror(ports: readonly GuestPort[], endpoint: HoldEndpoint): Promise<FrameMirror> {
    const { frames, kernelPort, log } = this.#options;
    const { bridges } = parseNetworkDevices(await this.#tools.ip.query(['-json', '-details', 'link', 'show']));
    const plans = ports.flatMap(({ tap, macAddress, switchName }, index): MirrorPlan[] => {
      const bridge = this.#options.switches.find(({ name }) => name === switchName)?.bridge;
      const vni = endpoint.vnis[index];
      if (bridge === undefined || vni === undefined) return [];
      // The other agent's words end up in lines for `ip`.
      checkVxlanPeer({ address: endpoint.address, port: endpoint.port, vni }, frames.address);
      const mtuBytes = bridges.find(({ name }) => name === bridge)?.mtuBytes ?? 1500;
      return [{ vni, tap, macAddress, bridge, mtuBytes, local: frames.address, remote: endpoint, kernelPort }];
    });
    try {
      const lines = plans.map(mirrorLines);
      await this.#tools.ip.batch(lines.flatMap(({ ip }) => ip));
      await Promise.all([
        this.#tools.bridge.batch(lines.flatMap(({ bridge }) => bridge)),
        this.#tools.tc.batch(lines.flatMap(({ tc }) => tc)),
        ...plans.map(({ vni }) => wholeFrames(mirrorDevice(vni))),
      ]);
      await this.#tools.ip.batch(plans.map(({ vni }) => onwardUpLine(vni)));
      return new LinuxMirror(plans, this.#tools, log);
    } catch (error) {
      await removeDevices(
        this.#tools,
        plans.flatMap(({ vni }) => mirrorDevices(vni)),
      );
      throw error;
    }
  }

  async removeLeftovers(): Promise<void> {
    const json = await this.#tools.ip.query(['-json', '-details', 'link', 'show']);
    await removeExisting(this.#tools, deviceNames(json).filter(isSwitchoverDevice));
    for (const tap of parseNetworkDevices(json).taps) {
      for (const line of [floodLine(tap), usualSegmentsLine(tap)]) {
        await this.#tools.ip.batch([line]).catch(() => undefined);
      }
      await this.#unpin(tap);
      await this.#tools.tc.batch([`filter del dev ${tap} egress`]).catch(() => undefined);
    }
  }

  async #unpin(tap: string): Promise<void> {
    const entries = JSON.parse((await this.#tools.bridge.query(['-json', 'fdb', 'show', 'dev', tap])) || '[]') as {
      mac?: string;
      flags?: readonly string[];
    }[];
    for (const { mac, flags } of entries) {
      if (mac === undefined || flags?.includes('sticky') !== true) continue;
      await this.#tools.bridge.batch([`fdb del ${mac} dev ${tap} master`]);
    }
  }
}

interface Tools {
  readonly ip: IpCommand;
  readonly bridge: IpCommand;
  readonly tc: IpCommand;
}

interface HeldNic extends HoldPlan {
  readonly held: HeldFrames;
  readonly droppedAtFirst: number;
}

class LinuxHold implements FrameHold {
  readonly endpoint: HoldEndpoint;
  readonly #nics: readonly HeldNic[];
  readonly #frames: FrameSocket;
  readonly #tools: Tools;
  readonly #lostAtFirst: number;
  #closed = false;

  constructor(nics: readonly HeldNic[], frames: FrameSocket, tools: Tools) {
    this.#nics = nics;
    this.#frames = frames;
    this.#tools = tools;
    this.#lostAtFirst = frames.dropped() ?? 0;
    this.endpoint = { address: frames.address, port: frames.port, vnis: nics.map(({ vni }) => vni) };
  }

  release(stop: GuestStop, cuts: readonly FrameCut[] | null): void {
    const lostBefore = (this.#frames.dropped() ?? 0) - this.#lostAtFirst;
    // The kernel does not say which NIC's frames it dropped; with several NICs a frame too many is the better error.
    this.#nics.forEach(({ held }, index) => held.release(stop, cuts?.[index] ?? null, lostBefore));
  }

  replay(): void {
    for (const { held } of this.#nics) held.replay();
  }

  async guestRuns(): Promise<void> {
    await this.#tools.ip.batch(this.#nics.map(({ tap }) => floodLine(tap)));
    for (const { held } of this.#nics) held.onlyUnicast();
  }

  counts(mirrored: readonly number[]): FrameCounts {
    const table = networkTable();
    const all = this.#nics.map(({ held, tap, droppedAtFirst }, index) =>
      held.counts(mirrored[index] ?? 0, Math.max(0, deviceCounters(table, tap).droppedFrames - droppedAtFirst)),
    );
    const sum = (pick: (one: (typeof all)[number]) => number) => all.reduce((total, one) => total + pick(one), 0);
    return {
      held: sum((one) => one.held),
      replayed: sum((one) => one.replayed),
      lost: sum((one) => one.lost),
      duplicated: all.every((one) => one.duplicated !== null) ? sum((one) => one.duplicated ?? 0) : null,
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const { vni } of this.#nics) this.#frames.ignore(vni);
    await removeDevices(
      this.#tools,
      this.#nics.map(({ vni }) => injectDevice(vni)),
    );
    // The tap is gone if the copy was discarded.
    await this.#tools.ip.batch(this.#nics.map(({ tap }) => floodLine(tap))).catch(() => undefined);
  }
}

interface Baseline {
  readonly mirrored: number;
  readonly read: number;
  /** Smallest seen surplus of mirrored over read frames: what was seen when nothing waited in the tap. */
  surplus: number;
}

class LinuxMirror implements FrameMirror {
  readonly #plans: readonly MirrorPlan[];
  readonly #tools: Tools;
  readonly #log: Log;
  #baselines: readonly Baseline[] | null = null;
  #closed = false;
  #everArmed = false;
  /** One change at a time: the guest may stop, or stay, while its mirror is being made. */
  #changes: Promise<unknown> = Promise.resolve();

  constructor(plans: readonly MirrorPlan[], tools: Tools, log: Log) {
    this.#plans = plans;
    this.#tools = tools;
    this.#log = log;
  }

  get armed(): boolean {
    return this.#baselines !== null;
  }

  arm(): Promise<void> {
    return this.#inTurn(() => this.#arm());
  }

  disarm(): Promise<void> {
    return this.#inTurn(() => this.#disarm());
  }

  async #arm(): Promise<void> {
    if (this.armed || this.#closed) return;
    this.#everArmed = true;
    try {
      await this.#copyFrames();
    } catch (error) {
      await this.#takeBack().catch(() => undefined);
      throw error;
    }
    const table = networkTable();
    this.#baselines = this.#plans.map(({ vni, tap }) => ({
      mirrored: deviceCounters(table, mirrorDevice(vni)).sentFrames,
      read: deviceCounters(table, tap).sentFrames,
      surplus: 0,
    }));
  }

  async #copyFrames(): Promise<void> {
    const lines = this.#plans.map(armLines);
    await Promise.all([
      this.#tools.ip.batch(lines.flatMap(({ ip }) => ip)),
      this.#tools.bridge.batch(lines.flatMap(({ bridge }) => bridge)),
    ]);
    await this.#tools.tc.batch(lines.flatMap(({ tc }) => tc));
  }

  async #disarm(): Promise<void> {
    if (!this.armed) return;
    this.#baselines = null;
    await this.#takeBack();
  }

  /** All of it, even if a part is not there; throws what went wrong first. */
  async #takeBack(): Promise<void> {
    const { bridge, ip, tc } = this.#tools;
    const parts = this.#plans
      .map(disarmLines)
      .flatMap((lines) => [tc.batch(lines.tc), bridge.batch(lines.bridge), ip.batch(lines.ip)]);
    const failed = (await Promise.allSettled(parts)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#changes.then(change);
    this.#changes = turn.catch(() => undefined);
    return turn;
  }

  sample(): void {
    const table = tryNetworkTable();
    if (table === null) return;
    this.#baselines?.forEach((baseline, index) => {
      baseline.surplus = Math.min(baseline.surplus, this.#surplus(table, index, baseline));
    });
  }

  cut(): readonly FrameCut[] | null {
    const table = tryNetworkTable();
    if (table === null) return null;
    return this.#plans.map(({ vni }, index) => {
      const mirrored = deviceCounters(table, mirrorDevice(vni)).sentFrames;
      const baseline = this.#baselines?.[index];
      if (baseline === undefined) return { mirrored, unread: 0 };
      const waiting = this.#surplus(table, index, baseline) - baseline.surplus;
      return { mirrored, unread: Math.min(Math.max(0, waiting), mirrored - baseline.mirrored) };
    });
  }

  async handOver(): Promise<void> {
    await this.#tools.bridge.batch(this.#plans.map(handOverLine));
  }

  async close(): Promise<readonly number[]> {
    if (this.#closed) return [];
    this.#closed = true;
    return this.#inTurn(() => this.#close());
  }

  async #close(): Promise<readonly number[]> {
    const table = networkTable();
    const mirrored = this.#plans.map(({ vni }) => deviceCounters(table, mirrorDevice(vni)).sentFrames);
    // Also what an earlier attempt has left.
    this.#baselines = null;
    if (this.#everArmed)
      await this.#takeBack().catch((error: unknown) => {
        // As usual after a migration: the tap has gone with QEMU.
        this.#log.debug('The mirror on a tap is not there any more', { error: String(error) });
      });
    await removeDevices(
      this.#tools,
      this.#plans.flatMap(({ vni }) => mirrorDevices(vni)),
    );
    return mirrored;
  }

  #surplus(table: string, index: number, { mirrored, read }: Baseline): number {
    const plan = this.#plans[index];
    if (plan === undefined) return 0;
    const nowMirrored = deviceCounters(table, mirrorDevice(plan.vni)).sentFrames;
    return nowMirrored - mirrored - (deviceCounters(table, plan.tap).sentFrames - read);
  }
}

/** Those that are there. Throws if one is left. */
async function removeDevices(tools: Tools, names: readonly string[]): Promise<void> {
  await removeExisting(tools, await existing(tools, names));
}

/** One by one, because one that is missing must not keep the others: a veth takes its other end along. Throws if one is left. */
async function removeExisting(tools: Tools, names: readonly string[]): Promise<void> {
  let problem: unknown;
  for (const name of names) {
    await tools.ip.batch([`link delete dev ${name}`]).catch((error: unknown) => (problem = error));
  }
  if (problem !== undefined && (await existing(tools, names)).length > 0) throw problem;
}

async function existing({ ip }: Tools, names: readonly string[]): Promise<string[]> {
  return deviceNames(await ip.query(['-json', 'link', 'show'])).filter((name) => names.includes(name));
}

/** For timers and event handlers, in which nothing may be thrown. */
function tryNetworkTable(): string | null {
  try {
    return networkTable();
  } catch {
    return null;
  }
}

/** Of this process's network namespace. */
function networkTable(): string {
  return readFileSync('/proc/self/net/dev', 'utf8');
}

function wholeFrames(device: string): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('ethtool', ['-K', device, ...WHOLE_FRAMES], { timeout: 5000 }, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}
