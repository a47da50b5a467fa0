import type { InstanceId, MigrationId } from '../model/names.ts';
import type { VmDefinition } from '../model/vm.ts';
import type { ProbeRun } from '../ports/guest-probe.ts';
import type { PeerHandlers, PeerRequests } from '../ports/peers.ts';
import type { FrameHold, GuestPort } from '../ports/switchover-network.ts';
import type { AgentPorts } from './agent-ports.ts';

type Prepared = Pick<
  PeerRequests['prepare-destination']['response'],
  'frames' | 'framesReason' | 'observer' | 'observerReason'
>;

interface Held {
  hold: FrameHold | null;
  probe: ProbeRun | null;
  readonly vm: string;
  readonly madeAtMs: number;
  goneAtMs: number | null;
}

/** A source that has not asked for its report so long after the end will not do so any more, in milliseconds. */
const FORGET_AFTER_MS = 10_000;

/** The taps of an instance. */
export function guestPorts(ports: AgentPorts, instance: InstanceId, definition: VmDefinition): GuestPort[] {
  return definition.nics.map(({ macAddress, switchName }, index) => ({
    ...{ tap: ports.network.tapName(instance, index), macAddress, switchName },
  }));
}

/** The destination's side of moving a guest's traffic: frames that wait for guests which have not arrived yet, and what the probe sees. */
export class HeldTraffic {
  readonly #ports: AgentPorts;
  readonly #held = new Map<MigrationId, Held>();

  constructor(ports: AgentPorts) {
    this.#ports = ports;
    ports.clock.every(1000, () => this.#forgetOld());
  }

  handlers(): Pick<
    PeerHandlers,
    'guest-stopped' | 'watch-guest' | 'traffic-report' | 'open-probe-port' | 'close-probe-port'
  > {
    const { probes } = this.#ports;
    return {
      'guest-stopped': ({ migrationId, stop, cuts }) => {
        this.#held.get(migrationId)?.hold?.release(stop, cuts);
        return Promise.resolve({});
      },
      'watch-guest': ({ migrationId, port }) => {
        this.#held.get(migrationId)?.probe?.start(port);
        return Promise.resolve({});
      },
      'traffic-report': ({ migrationId, mirrored }) => this.#report(migrationId, mirrored),
      'open-probe-port': (request) => probes.openPort(request),
      'close-probe-port': async ({ vni }) => {
        await probes.closePort(vni);
        return {};
      },
    };
  }

  /** Never throws: a migration goes well without it, only less smoothly. */
  async open(migration: { id: MigrationId; instance: InstanceId }, definition: VmDefinition): Promise<Prepared> {
    const { clock, log } = this.#ports;
    const held: Held = { hold: null, probe: null, vm: definition.name, madeAtMs: clock.monotonicMs(), goneAtMs: null };
    this.#held.set(migration.id, held);
    const [frames, observer] = await Promise.all([
      this.#openHold(held, migration.instance, definition),
      this.#observe(held, definition),
    ]);
    for (const reason of [frames.framesReason, observer.observerReason]) {
      if (reason !== null) log.info('The traffic of a guest cannot be followed', { migration: migration.id, reason });
    }
    return { ...frames, ...observer };
  }

  /** QEMU was just told to run the guest. If the source has not said when it stopped there, time decides what is replayed. */
  goGiven(id: MigrationId): void {
    const hold = this.#held.get(id)?.hold;
    hold?.release({ atMs: this.#ports.clock.wallMs(), tookMs: 0 }, null);
    hold?.replay();
  }

  guestRuns(id: MigrationId): void {
    this.#held
      .get(id)
      ?.hold?.guestRuns()
      .catch((error: unknown) => this.#ports.log.warn('Broadcasts do not reach a guest', { migration: id, error }));
  }

  /** The copy is gone, and its tap with it. The probe goes on until the report. */
  async abandon(id: MigrationId): Promise<void> {
    await this.#close(this.#held.get(id)?.hold ?? null);
  }

  async #openHold(held: Held, instance: InstanceId, definition: VmDefinition) {
    const { switchover, switchoverMissing } = this.#ports;
    if (switchover === null || switchoverMissing.length > 0) {
      const lacks = switchoverMissing.join(', ') || 'an IPv4 address for it';
      return { frames: null, framesReason: `the destination lacks ${lacks}` };
    }
    if (definition.nics.length === 0) return { frames: null, framesReason: 'the VM has no NIC' };
    try {
      held.hold = await switchover.openHold(guestPorts(this.#ports, instance, definition));
      return { frames: held.hold.endpoint, framesReason: null };
    } catch (error) {
      return { frames: null, framesReason: `the destination cannot hold frames: ${String(error)}` };
    }
  }

  async #observe(held: Held, { nics: [nic] }: VmDefinition) {
    if (nic === undefined) return { observer: null, observerReason: 'the VM has no NIC' };
    const { switchover, probes } = this.#ports;
    const address = nic.address?.split('/')[0];
    if (address === undefined) return { observer: null, observerReason: "the guest's address is not known" };
    if (switchover === null) return { observer: null, observerReason: 'the destination has no IPv4 address for it' };
    try {
      held.probe = await probes.observe({ macAddress: nic.macAddress, address });
      return { observer: { ...probes.observer, vni: held.probe.vni }, observerReason: null };
    } catch (error) {
      return { observer: null, observerReason: `the destination cannot watch the guest: ${String(error)}` };
    }
  }

  async #report(id: MigrationId, mirrored: readonly number[]): Promise<PeerRequests['traffic-report']['response']> {
    const held = this.#held.get(id);
    if (held === undefined) return { counts: null, probe: null };
    this.#held.delete(id);
    const counts = held.hold?.counts(mirrored) ?? null;
    const probe = held.probe?.stop() ?? null;
    await this.#close(held.hold);
    return { counts, probe };
  }

  async #close(hold: FrameHold | null): Promise<void> {
    await hold?.close().catch((error: unknown) => this.#ports.log.warn('Devices of a switchover are left', { error }));
  }

  #forgetOld(): void {
    const { clock, view } = this.#ports;
    if (!view.fresh()) return;
    const nowMs = clock.monotonicMs();
    for (const [id, held] of this.#held) {
      const isOpen = view.current().vms.get(held.vm)?.intent?.value.migrationId === id;
      if (isOpen || nowMs - held.madeAtMs < FORGET_AFTER_MS) held.goneAtMs = null;
      else held.goneAtMs ??= nowMs;
      if (held.goneAtMs === null || nowMs - held.goneAtMs < FORGET_AFTER_MS) continue;
      this.#held.delete(id);
      held.probe?.stop();
      void this.#close(held.hold);
    }
  }
}
