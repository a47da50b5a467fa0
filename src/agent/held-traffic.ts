import type { InstanceId, MigrationId, NodeName } from '../model/names.ts';
import type { VmDefinition } from '../model/vm.ts';
import type { ProbeRun } from '../ports/guest-probe.ts';
import type { PeerHandlers, PeerRequests } from '../ports/peers.ts';
import type { FrameHold } from '../ports/switchover-network.ts';
import type { AgentPorts } from './agent-ports.ts';
import { closedForMs, type KeptForMigration } from './closed-for.ts';
import { findSwitchover, guestPorts } from './guest-ports.ts';

type Prepared = Pick<
  PeerRequests['prepare-destination']['response'],
  'frames' | 'framesReason' | 'observer' | 'observerReason'
>;

interface Held extends KeptForMigration {
  hold: FrameHold | null;
  probe: ProbeRun | null;
  /** The copy was discarded, perhaps while its frames were only about to be held. */
  abandoned: boolean;
  /** The only one who may speak of it. */
  readonly source: NodeName;
}

/** A source that has not asked for its report so long after the end will not do so any more, in milliseconds. */
const FORGET_AFTER_MS = 10_000;

/** The destination's side of moving a guest's traffic: frames that wait for guests which have not arrived yet, and what the probe sees. */
export class HeldTraffic {
  readonly #ports: AgentPorts;
  readonly #held = new Map<MigrationId, Held>();

  constructor(ports: AgentPorts) {
    this.#ports = ports;
    ports.clock.every(1000, () => this.#forgetOld());
  }

  handlers(): Pick<PeerHandlers, 'guest-stopped' | 'watch-guest' | 'traffic-report'> {
    return {
      'guest-stopped': async ({ migrationId, stop, cuts }, from) => {
        this.#of(migrationId, from)?.hold?.release(stop, cuts);
        return {};
      },
      'watch-guest': async ({ migrationId, port }, from) => {
        this.#of(migrationId, from)?.probe?.start(port);
        return {};
      },
      'traffic-report': async ({ migrationId, mirrored }, from) =>
        await this.#report(this.#of(migrationId, from), { migrationId, mirrored }),
    };
  }

  /** Never throws: a migration goes well without it, only less smoothly. */
  async open(
    migration: { id: MigrationId; source: NodeName; instance: InstanceId },
    definition: VmDefinition,
  ): Promise<Prepared> {
    const { log } = this.#ports;
    const held: Held = {
      ...{ hold: null, probe: null, abandoned: false, source: migration.source },
      ...{ migrationId: migration.id, vm: definition.name, closedAtMs: null },
    };
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

  /** QEMU was just told to run the guest. Never throws. If the source has not said when it stopped there, time decides what is replayed. */
  goGiven(id: MigrationId): void {
    const hold = this.#held.get(id)?.hold;
    try {
      hold?.release({ atMs: this.#ports.clock.wallMs(), tookMs: 0 }, null);
      hold?.replay();
    } catch (error) {
      this.#ports.log.warn('Frames that waited for a guest are lost', { migration: id, error });
    }
  }

  guestRuns(id: MigrationId): void {
    this.#held
      .get(id)
      ?.hold?.guestRuns()
      .catch((error: unknown) => this.#ports.log.warn('Broadcasts do not reach a guest', { migration: id, error }));
  }

  /** The copy is gone, and its tap with it. The probe goes on until the report. */
  async abandon(id: MigrationId): Promise<void> {
    const held = this.#held.get(id);
    if (held !== undefined) held.abandoned = true;
    await this.#close(held?.hold ?? null);
  }

  async #openHold(held: Held, instance: InstanceId, definition: VmDefinition) {
    const { switchover, reason } = findSwitchover('destination', definition, this.#ports);
    if (switchover === null) return { frames: null, framesReason: reason };
    try {
      held.hold = await switchover.openHold(guestPorts(this.#ports, instance, definition));
      if (held.abandoned) await this.#close(held.hold);
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

  #of(id: MigrationId, from: NodeName): Held | undefined {
    const held = this.#held.get(id);
    return held?.source === from ? held : undefined;
  }

  async #report(
    held: Held | undefined,
    { migrationId, mirrored }: PeerRequests['traffic-report']['request'],
  ): Promise<PeerRequests['traffic-report']['response']> {
    if (held === undefined) return { counts: null, probe: null };
    this.#held.delete(migrationId);
    try {
      return { counts: held.hold?.counts(mirrored) ?? null, probe: held.probe?.result() ?? null };
    } finally {
      held.probe?.stop();
      await this.#close(held.hold);
    }
  }

  async #close(hold: FrameHold | null): Promise<void> {
    await hold?.close().catch((error: unknown) => this.#ports.log.warn('Devices of a switchover are left', { error }));
  }

  #forgetOld(): void {
    for (const [id, held] of this.#held) {
      if (closedForMs(held, this.#ports) < FORGET_AFTER_MS) continue;
      this.#held.delete(id);
      held.probe?.stop();
      void this.#close(held.hold);
    }
  }
}
