import type { MigrationIntent } from '../model/intent.ts';
import { knownNodes, nodeState } from '../model/cluster-state.ts';
import { GIBIBYTE } from '../model/units.ts';
import type { VmDefinition } from '../model/vm.ts';
import type { TrafficReport } from '../migration/complete-receipt.ts';
import { type TransferSight, whenToMirror } from '../migration/when-to-mirror.ts';
import type { ProbePort, ProbePortRequest, ProbeResult } from '../ports/guest-probe.ts';
import type { Instance } from '../ports/hypervisor.ts';
import type { Peer, PeerRequests } from '../ports/peers.ts';
import type { FrameMirror } from '../ports/switchover-network.ts';
import type { AgentPorts } from './agent-ports.ts';
import { findSwitchover, guestPorts } from './guest-ports.ts';

/** How often the counters of the mirror are looked at, in milliseconds. */
const SAMPLE_EVERY_MS = 20;
const CALL_DEADLINE_MS = 2000;
/** QEMU takes no longer to stop a guest's processors, in milliseconds; a round may have begun long before that. */
const LONGEST_STOP_MS = 50;
/** Before that QEMU looks at the dirty memory, and reads no tap meanwhile: at most so long, in milliseconds (measured under TCG, where it takes longest). */
const LOOK_MS = 3;
const LOOK_MS_PER_GIBIBYTE = 6;

type Prepared = PeerRequests['prepare-destination']['response'];

export interface GuestTrafficInput {
  readonly intent: MigrationIntent;
  readonly definition: VmDefinition;
  readonly instance: Instance | null;
  readonly ports: AgentPorts;
  readonly peer: () => Peer;
  /** The destination's wall clock minus ours, in milliseconds; null while it is not known. */
  readonly clockOffsetMs: () => number | null;
}

/**
 * The source's side of moving a guest's traffic: mirrors its frames to the destination around the switchover, has the guest watched
 * from outside, and reports both. Nothing of it can fail a migration: without it the guest is merely announced anew.
 */
export class GuestTraffic {
  readonly #input: GuestTrafficInput;
  #mirror: FrameMirror | null = null;
  #opening: Promise<void> = Promise.resolve();
  #watching: Promise<void> = Promise.resolve();
  /** The guest has stopped here, or stays: nothing is to be mirrored anew. */
  #over = false;
  #begun = false;
  #lastRoundAtMs: number | null = null;
  /** When the guest last stopped here: own wall clock. */
  #stoppedAtMs: number | null = null;
  #changing = false;
  #stopSampling: () => void = () => undefined;
  /** Set when the guest has stopped: whether its frames were mirrored then. */
  #method: 'mirror' | 'announcement' | null = null;
  #reason = 'the migration ended before its traffic was to be moved';
  #watch: { readonly vni: number; readonly from: string; close(): Promise<unknown> } | null = null;
  #watchReason = 'the migration ended before the guest was watched';

  constructor(input: GuestTrafficInput) {
    this.#input = input;
  }

  get begun(): boolean {
    return this.#begun;
  }

  /** After the destination has prepared itself; goes on beside the transfer. */
  begin(prepared: Prepared): void {
    this.#begun = true;
    this.#opening = this.#openMirror(prepared);
    this.#watching = this.#watchGuest(prepared);
  }

  /** While memory is copied. */
  follow(figures: Omit<TransferSight, 'firstRoundBytes'>): void {
    const mirror = this.#mirror;
    if (mirror === null || this.#changing || this.#over) return;
    const wish = whenToMirror({ ...figures, firstRoundBytes: this.#firstRoundBytes() });
    if (wish === 'as-it-is' || (wish === 'on') === mirror.armed) return;
    this.#changing = true;
    void (wish === 'on' ? this.#arm(mirror) : this.#disarm(mirror)).finally(() => {
      this.#changing = false;
    });
  }

  /** QEMU began a round; before it stops the guest it looks at the dirty memory once more, which counts as one. `atMs`: own wall clock. */
  roundBegan(atMs: number): void {
    this.#lastRoundAtMs = atMs;
  }

  /** In the blackout: synchronous, and nothing is waited for. `atMs`: own wall clock. */
  guestStopped(atMs: number): void {
    const mirror = this.#mirror;
    this.#stoppedAtMs = atMs;
    this.#over = true;
    this.#stopSampling();
    if (mirror?.armed !== true) {
      this.#method = 'announcement';
      if (mirror === null) return;
      this.#reason = 'the guest stopped before its frames were mirrored';
      // What is just being armed must not pin the guest to a tap that will be gone.
      void this.#disarm(mirror);
      return;
    }
    this.#method = 'mirror';
    this.#reason = 'frames were mirrored from the last round on';
    const { migrationId } = this.#input.intent;
    const lookMs = LOOK_MS + (LOOK_MS_PER_GIBIBYTE * this.#input.definition.memoryBytes) / GIBIBYTE;
    const tookMs = lookMs + Math.min(LONGEST_STOP_MS, atMs - (this.#lastRoundAtMs ?? Number.NEGATIVE_INFINITY));
    const stop = { atMs: atMs + (this.#input.clockOffsetMs() ?? 0), tookMs };
    void this.#call('guest-stopped', { migrationId, stop, cuts: mirror.cut() });
  }

  /** The guest runs on the destination: before its QEMU here ends. */
  async guestMoved(): Promise<void> {
    if (this.#method !== 'mirror') return;
    await this.#mirror?.handOver().catch((error: unknown) => this.#note('What still arrives is not sent on', error));
  }

  /** The guest goes on here: its traffic is its own again at once. */
  async guestStayed(): Promise<void> {
    this.#over = true;
    if (this.#method === 'mirror') this.#reason = 'the guest stayed on the source';
    this.#method = null;
    await this.#opening;
    this.#stopSampling();
    await this.#mirror?.disarm().catch((error: unknown) => this.#note('The mirror could not be removed', error));
  }

  /** Ends it all, some time after the switchover. */
  async report(): Promise<TrafficReport> {
    this.#over = true;
    await Promise.all([this.#opening, this.#watching]);
    const { intent } = this.#input;
    const mirrored =
      (await this.#mirror?.close().catch((error: unknown) => this.#note('Devices are left', error))) ?? [];
    this.#stopSampling();
    const answer = await this.#call('traffic-report', { migrationId: intent.migrationId, mirrored });
    await this.#watch?.close();
    // One that never began to ask has seen nothing.
    const probe = (answer?.probe?.sent ?? 0) > 0 ? (answer?.probe ?? null) : null;
    return {
      method: this.#method,
      methodReason: this.#reason,
      counts: this.#method === 'mirror' ? (answer?.counts ?? null) : null,
      countsReason:
        this.#method === 'mirror' ? `${intent.destination} did not report them` : 'the frames were not mirrored',
      probe:
        probe === null || this.#watch === null
          ? null
          : {
              kind: `ARP through the virtual switch of ${this.#watch.from}`,
              intervalMs: probe.intervalMs,
              gapMs: probe.longestGapMs,
              ...this.#seenAround(probe),
            },
      probeReason: probe === null ? this.#watchReason : 'the guest did not answer the probe',
    };
  }

  #seenAround({ samples, gapStartedAtMs }: ProbeResult) {
    const offsetMs = this.#input.clockOffsetMs();
    if (samples === undefined) return { seen: null, seenReason: 'the destination does not keep the single requests' };
    if (this.#stoppedAtMs === null) return { seen: null, seenReason: 'the guest was never stopped' };
    if (offsetMs === null) return { seen: null, seenReason: "the two agents' clocks were not compared" };
    return { seen: { samples, gapStartedAtMs, stoppedAtMs: this.#stoppedAtMs + offsetMs }, seenReason: '' };
  }

  async #openMirror({ frames, framesReason }: Prepared): Promise<void> {
    const { ports, definition, instance } = this.#input;
    const { switchover, reason } = findSwitchover('source', definition, ports);
    if (switchover === null) {
      this.#reason = reason;
      return;
    }
    if (instance === null) {
      this.#reason = "the VM's QEMU on the source has ended";
      return;
    }
    if (frames === null) {
      this.#reason = framesReason ?? 'the destination cannot hold frames';
      return;
    }
    try {
      this.#mirror = await switchover.openMirror(guestPorts(ports, instance.id, definition), frames);
      // A small guest is through its first round soon; a large one is looked at again while it is copied.
      const { memoryBytes: remainingBytes } = definition;
      this.follow({ round: 1, remainingBytes, transferredBytes: 0, bandwidthBytesPerSecond: 0 });
    } catch (error) {
      this.#reason = `the mirror could not be made: ${String(error)}`;
      this.#note('The mirror could not be made', error);
    }
  }

  /** From a third node if there is one with the same virtual switch, else from this one's switch. */
  async #watchGuest({ observer, observerReason }: Prepared): Promise<void> {
    const nic = this.#input.definition.nics[0];
    if (observer === null || nic === undefined) {
      this.#watchReason = observerReason ?? 'the VM has no NIC';
      return;
    }
    const { intent, ports } = this.#input;
    const request: ProbePortRequest = { switchName: nic.switchName, observer };
    const third = this.#thirdNode(nic.switchName);
    const { vni } = observer;
    // Known ahead of the answer: a port that is made although its answer comes too late is closed as well.
    this.#watch = {
      ...{ vni, from: third?.name ?? ports.config.node },
      close: () =>
        (third === null
          ? ports.probes.closePort(vni)
          : third.call('close-probe-port', { vni }, CALL_DEADLINE_MS)
        ).catch((error: unknown) => this.#note('The port of the probe is left', error)),
    };
    try {
      const { migrationId, vm } = intent;
      const port: ProbePort =
        third === null
          ? await ports.probes.openPort(request)
          : await third.call('open-probe-port', { ...request, migrationId, vm }, CALL_DEADLINE_MS);
      await this.#call('watch-guest', { migrationId, port });
    } catch (error) {
      this.#watchReason = `the guest could not be watched: ${String(error)}`;
      this.#note('The guest is not watched', error);
    }
  }

  #thirdNode(switchName: string): Peer | null {
    const { intent, ports } = this.#input;
    const now = ports.view.now();
    for (const entry of knownNodes(ports.view.current())) {
      const { name, role, switches, addresses, peerPort } = entry.facts.value;
      if (role !== 'node' || name === intent.source || name === intent.destination) continue;
      if (!switches.includes(switchName) || nodeState(entry, now) !== 'up') continue;
      return ports.peers.peer(name, addresses, peerPort);
    }
    return null;
  }

  #firstRoundBytes(): number | null {
    const { intent, ports } = this.#input;
    const activity = ports.view.current().vms.get(intent.vm)?.activity ?? null;
    if (activity === null) return null;
    return activity.usedBytes * (intent.compression === 'multifd-zstd' ? activity.compressedRatio : 1);
  }

  async #arm(mirror: FrameMirror): Promise<void> {
    try {
      await mirror.arm();
      this.#stopSampling();
      if (!mirror.armed || this.#over) return;
      this.#stopSampling = this.#input.ports.clock.every(SAMPLE_EVERY_MS, () => mirror.sample());
    } catch (error) {
      this.#note('Frames cannot be mirrored', error);
    }
  }

  async #disarm(mirror: FrameMirror): Promise<void> {
    this.#stopSampling();
    await mirror.disarm().catch((error: unknown) => this.#note('The mirror could not be removed', error));
  }

  async #call<M extends 'guest-stopped' | 'watch-guest' | 'traffic-report'>(
    method: M,
    request: PeerRequests[M]['request'],
  ): Promise<PeerRequests[M]['response'] | null> {
    try {
      return await this.#input.peer().call(method, request, CALL_DEADLINE_MS);
    } catch (error) {
      this.#note(`The destination did not answer to ${method}`, error);
      return null;
    }
  }

  #note(message: string, error: unknown): null {
    this.#input.ports.log.warn(message, { migration: this.#input.intent.migrationId, error });
    return null;
  }
}
