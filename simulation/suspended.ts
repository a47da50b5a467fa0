import type { MigrationIntent } from '../src/model/intent.ts';
import { keys } from '../src/model/keys.ts';
import type { VmName } from '../src/model/names.ts';
import type { VmOwner, VmStatus } from '../src/model/vm.ts';
import type { SimulatedAgent } from './agent.ts';
import type { Qemu } from './qemu.ts';

const RETRY_MS = 200;

/** The highly available VMs of a node while it has no authority, as src/agent/suspended-vms.ts does it. */
export class Suspended {
  readonly #agent: SimulatedAgent;
  readonly #vms = new Set<VmName>();
  /** QMP carries commands out in order: nothing overtakes a `stop`. */
  readonly #pausing = new Set<Qemu>();
  #generation = 0;

  constructor(agent: SimulatedAgent) {
    this.#agent = agent;
  }

  has(vm: VmName): boolean {
    return this.#vms.has(vm);
  }

  endAll(done: () => void): void {
    const { machine } = this.#agent;
    const left = machine.highlyAvailable();
    if (left.length === 0) {
      this.#vms.clear();
      return done();
    }
    for (const qemu of left) machine.kill(qemu);
    this.#agent.after(20, () => this.endAll(done));
  }

  /** After a start of the agent: guests that the one before it had paused. */
  takeUp(): void {
    const { machine, view } = this.#agent;
    for (const qemu of machine.highlyAvailable()) {
      const arrives = view.vms.get(qemu.vm)?.intent?.value.destination === machine.name;
      if (arrives || !(qemu.incoming === null || qemu.mayHaveRun)) continue;
      if (qemu.state !== 'paused' || this.#vms.has(qemu.vm)) continue;
      this.#vms.add(qemu.vm);
      this.#prove(qemu.vm, this.#generation);
    }
  }

  onEnded(): void {
    this.#generation += 1;
    const { machine, world } = this.#agent;
    for (const qemu of machine.highlyAvailable()) {
      if (this.#vms.has(qemu.vm)) continue;
      this.#vms.add(qemu.vm);
      if (qemu.executing) this.#pause(qemu);
    }
    void world;
  }

  #pause(qemu: Qemu): void {
    const { machine, world } = this.#agent;
    this.#pausing.add(qemu);
    world.engine.after(world.random.qemu.between(2, 12), () => {
      this.#pausing.delete(qemu);
      if (!qemu.alive || !qemu.executing || !machine.executes) return;
      machine.pauseGuest(qemu);
    });
  }

  onBack(): void {
    this.#generation += 1;
    const { machine, world } = this.#agent;
    const { guardFrozen } = this.#agent.standing;
    // An agent that was started meanwhile knows none of them yet.
    for (const { vm, heldFrozen } of machine.highlyAvailable()) if (guardFrozen || heldFrozen) this.#vms.add(vm);
    if (this.#vms.size === 0) return;
    if (world.rules.proveBeforeThaw) {
      for (const qemu of machine.highlyAvailable()) if (this.#vms.has(qemu.vm)) machine.hold(qemu, true);
    }
    for (const vm of this.#vms) this.#prove(vm, this.#generation);
  }

  #prove(vm: VmName, generation: number): void {
    if (generation !== this.#generation || !this.#vms.has(vm)) return;
    if (!this.#agent.world.rules.proveBeforeThaw) {
      return this.#goOn(vm, { generation, wasRunning: true, leaves: false });
    }
    this.#agent.list(vm, (entries, reached) => {
      if (!reached) return this.#again(vm, generation);
      const owner = entries.get(keys.vmOwner(vm));
      const intent = entries.get(keys.vmIntent(vm));
      const status = entries.get(keys.vmStatus(vm));
      const { machine } = this.#agent;
      if ((owner?.value as VmOwner | undefined)?.node !== machine.name) {
        const arrived = (intent?.value as MigrationIntent | undefined)?.destination === machine.name;
        if (arrived && this.#copies(vm).some((qemu) => qemu.mayHaveRun)) return this.#again(vm, generation);
        for (const qemu of this.#copies(vm)) machine.kill(qemu);
        this.#vms.delete(vm);
        return;
      }
      const compare = [
        { key: keys.vmOwner(vm), modRevision: owner?.modRevision ?? '0' },
        { key: keys.vmIntent(vm), modRevision: intent?.modRevision ?? '0' },
        { key: keys.vmStatus(vm), modRevision: status?.modRevision ?? '0' },
      ];
      const put = { put: keys.vmStatus(vm), value: status?.value };
      const wasRunning = (status?.value as VmStatus | undefined)?.state === 'running';
      this.#agent.transact({ compare, write: [put] }, 2000, (outcome) => {
        if (outcome.kind !== 'applied') return this.#again(vm, generation);
        const leaves = (intent?.value as MigrationIntent | undefined)?.source === machine.name;
        this.#goOn(vm, { generation, wasRunning, leaves });
      });
    });
  }

  #again(vm: VmName, generation: number): void {
    this.#agent.after(RETRY_MS, () => this.#prove(vm, generation));
  }

  #goOn(
    vm: VmName,
    { generation, wasRunning, leaves }: { generation: number; wasRunning: boolean; leaves: boolean },
  ): void {
    const { machine, standing } = this.#agent;
    if (generation !== this.#generation) return;
    if (!standing.holds()) return this.#again(vm, generation);
    if (this.#copies(vm).some((qemu) => this.#pausing.has(qemu))) return this.#again(vm, generation);
    for (const qemu of this.#copies(vm)) {
      machine.hold(qemu, false);
      if (!wasRunning || qemu.state !== 'paused' || qemu.dying) continue;
      // A guest that stands still is through in no time: the transfer ends before it goes on here.
      if (leaves && ['setup', 'active', 'device'].includes(qemu.migration.status)) {
        qemu.migration = { ...qemu.migration, status: 'cancelled' };
        this.#agent.migrations.driverOf(qemu.migration.of ?? '')?.status('cancelled');
      }
      machine.resumeGuest(qemu, standing.untilMs);
    }
    this.#vms.delete(vm);
    this.#agent.vms.look(vm);
  }

  #copies(vm: VmName): Qemu[] {
    return [...this.#agent.machine.qemus].filter((qemu) => qemu.vm === vm);
  }
}
