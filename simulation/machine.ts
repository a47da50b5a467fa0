import type { MigrationId, VmName } from '../src/model/names.ts';
import { cancel, type Timer } from './engine.ts';
import { mayKeepStore } from './known-revisions.ts';
import { Process } from './process.ts';
import { Qemu } from './qemu.ts';
import type { SimulatedAgent } from './agent.ts';
import type { SimulatedGuard } from './guard.ts';
import type { World } from './world.ts';

/** What a machine has and how well its clock runs. */
export interface MachineOptions {
  readonly name: string;
  readonly role: 'node' | 'witness';
  /** null: it has none. */
  readonly watchdogMs: number | null;
  readonly controller: boolean;
  readonly clockRate: number;
  readonly memoryBytes: number;
}

export const OLD_VERSIONS = { agent: '0.1.0', qemu: '7.2.22' } as const;
export const NEW_VERSIONS = { agent: '0.2.0', qemu: '8.2.1' } as const;

/** A machine: power, clock, disk, watchdog, management controller, and the processes on it. */
export class Machine {
  readonly world: World;
  readonly index: number;
  readonly name: string;
  readonly options: MachineOptions;
  powered = false;
  frozen = false;
  boots = 0;
  /** What was noted on disk. */
  readonly notes = new Map<string, unknown>();
  /** Of what is installed; QEMU's is that of the processes, since it only changes with a boot. */
  versions: { readonly agent: string; readonly qemu: string } = OLD_VERSIONS;
  agent: SimulatedAgent | null = null;
  guard: SimulatedGuard | null = null;
  agentProcess = new Process();
  guardProcess = new Process();
  readonly qemus = new Set<Qemu>();
  groupFrozen = false;
  /** Its storage does not answer before then. */
  storageStalledUntil = 0;
  /** When a fault last touched it. */
  disturbedAt = -Infinity;
  /** The controller answers. */
  controllerWorks = true;
  controllerSlow = false;
  /** Nothing has to run on it any more: evicted. */
  gone = false;
  #clockOffset = 0;
  #bootedAt = 0;
  #watchdog: Timer | null = null;
  #copies = 0;
  #expiresAt = 0;
  /** Since when the store, or enough voters, could be reached from here; Infinity: not now. */
  connectedSince = 0;

  constructor(world: World, index: number, options: MachineOptions) {
    this.world = world;
    this.index = index;
    this.name = options.name;
    this.options = options;
  }

  get bootId(): string {
    return `${this.name}-boot${this.boots}`;
  }

  get executes(): boolean {
    return this.powered && !this.frozen;
  }

  /** CLOCK_MONOTONIC of this machine. */
  mono(): number {
    return this.#clockOffset + (this.world.engine.now - this.#bootedAt) * this.options.clockRate;
  }

  /** Real time at which this machine's clock will show that. */
  realOf(mono: number): number {
    return this.#bootedAt + (mono - this.#clockOffset) / this.options.clockRate;
  }

  timer(process: Process, mono: number, run: () => void): Timer {
    // A hair later, so that the clock shows at least that time in spite of rounding.
    return this.world.engine.at(this.realOf(mono) + 1e-6, () => process.deliver(run));
  }

  boot(delay: number): void {
    const { engine, random } = this.world;
    this.powered = true;
    this.frozen = false;
    this.boots += 1;
    this.world.oracle.booted(this.name);
    this.#bootedAt = engine.now;
    this.#clockOffset = random.machines.between(0, 1000);
    this.groupFrozen = false;
    this.storageStalledUntil = 0;
    const { boots } = this;
    if (this.world.telling) this.world.tell({ kind: 'power', node: this.name, what: 'boots', why: '' });
    engine.after(delay, () => {
      if (this.boots !== boots || !this.powered) return;
      this.startMember();
      this.startGuard();
      this.startAgent();
    });
  }

  /** Everything that was in memory is gone. */
  powerOff(why: string, what: 'off' | 'reset'): void {
    if (!this.powered) return;
    if (this.world.telling) this.world.tell({ kind: 'power', node: this.name, what, why });
    this.powered = false;
    this.frozen = false;
    cancel(this.#watchdog);
    this.#watchdog = null;
    this.agentProcess.end();
    this.guardProcess.end();
    this.agent?.ended();
    this.agent = null;
    this.guard = null;
    for (const qemu of this.qemus) {
      qemu.alive = false;
      qemu.ioUntil = 0;
      this.world.oracle.changed(qemu);
    }
    this.qemus.clear();
    this.world.store.setProcess(this.index, false);
    this.world.topologyChanged();
  }

  /** Its member of the store, if it has one. */
  startMember(): void {
    if (mayKeepStore(this.notes) || !this.world.rules.giveUpSeat) this.world.store.setProcess(this.index, true);
  }

  stopMember(): void {
    this.world.store.setProcess(this.index, false);
    this.world.topologyChanged();
  }

  reset(why: string): void {
    this.world.oracle.harmed(this, `reset: ${why}`);
    this.powerOff(why, 'reset');
    this.boot(this.world.random.machines.between(4000, 15000));
  }

  freeze(): void {
    if (!this.executes) return;
    this.frozen = true;
    this.agentProcess.stop();
    this.guardProcess.stop();
    this.world.topologyChanged();
  }

  thaw(): void {
    if (!this.frozen) return;
    this.frozen = false;
    this.world.topologyChanged();
    if (this.world.random.machines.chance(0.5)) {
      this.guardProcess.resume();
      this.agentProcess.resume();
    } else {
      this.agentProcess.resume();
      this.guardProcess.resume();
    }
  }

  startAgent(): void {
    if (!this.powered || this.gone || this.agent !== null) return;
    this.agentProcess = new Process();
    if (this.frozen) this.agentProcess.stop();
    this.agent = this.world.makeAgent(this);
    if (this.world.telling) this.world.tell({ kind: 'agent', node: this.name, what: 'starts' });
    this.agent.begin();
  }

  crashAgent(): void {
    if (this.agent === null) return;
    this.agentProcess.end();
    this.agent.ended();
    this.agent = null;
    if (this.world.telling) this.world.tell({ kind: 'agent', node: this.name, what: 'ends' });
  }

  startGuard(): void {
    if (!this.powered || this.options.role === 'witness' || this.guard !== null) return;
    this.guardProcess = new Process();
    if (this.frozen) this.guardProcess.stop();
    this.guard = this.world.makeGuard(this);
    this.guard.begin();
  }

  crashGuard(): void {
    this.guardProcess.end();
    this.guard = null;
    this.agentProcess.deliver(() => this.agent?.standing.guardSaid(null));
  }

  /** The watchdog is kept quiet for another period; the first time arms it. */
  pet(): void {
    const { watchdogMs } = this.options;
    if (watchdogMs === null) return;
    this.world.oracle.petted(this);
    this.#expiresAt = this.world.engine.now + watchdogMs;
    this.#watchdog ??= this.world.engine.at(this.#expiresAt, () => this.#watch());
  }

  #watch(): void {
    this.#watchdog = null;
    if (this.#expiresAt <= this.world.engine.now) return this.reset('its watchdog was not petted');
    this.#watchdog = this.world.engine.at(this.#expiresAt, () => this.#watch());
  }

  disarm(): void {
    cancel(this.#watchdog);
    this.#watchdog = null;
  }

  /** Until when the watchdog leaves the machine alone. */
  get expiresAt(): number {
    return this.#expiresAt;
  }

  get armed(): boolean {
    return this.#watchdog !== null;
  }

  highlyAvailable(): Qemu[] {
    return [...this.qemus].filter((qemu) => qemu.highlyAvailable);
  }

  /** The kernel says `frozen 1`: no thread is left that runs or waits for a disk. */
  groupQuiet(): boolean {
    const { now } = this.world.engine;
    for (const qemu of this.qemus) if (qemu.highlyAvailable && qemu.ioUntil > now) return false;
    return true;
  }

  populated(): boolean {
    for (const qemu of this.qemus) if (qemu.highlyAvailable) return true;
    return false;
  }

  setGroupFrozen(frozen: boolean): void {
    if (this.groupFrozen === frozen) return;
    if (frozen) this.world.oracle.harmed(this, 'its VMs are frozen');
    for (const qemu of this.qemus) if (qemu.highlyAvailable && qemu.executing) this.flush(qemu);
    this.groupFrozen = frozen;
    for (const qemu of this.qemus) if (qemu.highlyAvailable) this.world.oracle.changed(qemu);
  }

  hold(qemu: Qemu, frozen: boolean): void {
    if (frozen && qemu.executing) this.flush(qemu);
    qemu.heldFrozen = frozen;
    this.world.oracle.changed(qemu);
  }

  spawn(options: { vm: VmName; highlyAvailable: boolean; incoming: MigrationId | null }): Qemu {
    this.#copies += 1;
    const id = `${options.vm}@${this.name}#${this.#copies}`;
    const qemu = new Qemu(this, { ...options, id, starter: this.agent?.id ?? '' });
    this.qemus.add(qemu);
    if (options.incoming === null) this.world.oracle.starts(qemu);
    return qemu;
  }

  /** What of the guest's writes is on its way when it stops: usually nothing, or some milliseconds of it. */
  flush(qemu: Qemu): void {
    const { now } = this.world.engine;
    const random = this.world.random.storage;
    const stall = Math.max(0, this.storageStalledUntil - now);
    qemu.ioUntil = Math.max(qemu.ioUntil, now + stall + (random.chance(0.3) ? random.between(0, 8) : 0));
  }

  /** SIGKILL: the processor stops at once, the process ends when the kernel has finished its writes. */
  kill(qemu: Qemu, done?: () => void): void {
    const { engine, oracle } = this.world;
    if (!qemu.alive) return done?.();
    if (qemu.executing) this.flush(qemu);
    qemu.dying = true;
    oracle.changed(qemu);
    const end = () => {
      if (qemu.alive) {
        qemu.alive = false;
        this.qemus.delete(qemu);
        oracle.changed(qemu);
      }
      done?.();
    };
    if (qemu.ioUntil === Infinity) return;
    engine.at(Math.max(engine.now + 2, qemu.ioUntil), () => {
      if (this.powered) end();
    });
  }

  /** QMP `stop`: returns when the writes are through. */
  pauseGuest(qemu: Qemu): void {
    this.flush(qemu);
    qemu.state = 'paused';
    this.world.oracle.changed(qemu);
    if (this.world.telling) this.world.guest(qemu, 'pauses');
  }

  /** QMP `cont`. */
  resumeGuest(qemu: Qemu, untilMs: number | null | undefined): void {
    if (!qemu.alive || qemu.dying || qemu.state === 'running') return;
    this.world.oracle.continued(qemu, untilMs);
    qemu.mayHaveRun = true;
    qemu.state = 'running';
    this.world.oracle.changed(qemu);
    if (this.world.telling) this.world.guest(qemu, 'runs');
    // QEMU's RESUME event.
    this.agentProcess.deliver(() => this.agent?.migrations.guestRuns(qemu));
  }

  end(qemu: Qemu): void {
    qemu.alive = false;
    this.qemus.delete(qemu);
    this.world.oracle.changed(qemu);
  }
}
