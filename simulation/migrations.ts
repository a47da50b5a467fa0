import type { VmEntry } from '../src/model/cluster-state.ts';
import type { MigrationIntent } from '../src/model/intent.ts';
import type { MigrationId, NodeName, VmName } from '../src/model/names.ts';
import { closingTransaction, type DestinationKnowledge, fencedSides } from '../src/failover/settle-intent.ts';
import type { DestinationStatus } from '../src/ports/peers.ts';
import type { SimulatedAgent } from './agent.ts';
import { MigrationDriver } from './migration-driver.ts';
import type { Qemu } from './qemu.ts';
import { receiptOf } from './receipt.ts';

const CALL_MS = 1000;
const ORPHAN_AFTER_MS = 3000;

interface Copy {
  readonly vm: VmName;
  readonly madeAt: number;
  qemu: Qemu | null;
  discarded: boolean;
  running: boolean;
}

/** Open migrations as an agent sees them: the driver on the source, the copies on the destination, and the settlement by a third. */
export class Migrations {
  readonly #agent: SimulatedAgent;
  readonly #copies = new Map<MigrationId, Copy>();
  readonly #drivers = new Map<MigrationId, MigrationDriver>();
  readonly #ended = new Set<MigrationId>();
  readonly #born: number;

  constructor(agent: SimulatedAgent) {
    this.#agent = agent;
    this.#born = agent.world.engine.now;
    for (const qemu of agent.machine.qemus) {
      if (qemu.incoming !== null) this.#remember(qemu.incoming, qemu.vm).qemu = qemu;
    }
  }

  look(vm: VmName): void {
    const { view, machine, world } = this.#agent;
    const entry = view.vms.get(vm);
    if (entry?.record == null || entry.intent === null || entry.intent.value.source !== machine.name) return;
    const id = entry.intent.value.migrationId;
    if (this.#drivers.has(id) || this.#ended.has(id)) return;
    const opened = Date.parse(entry.intent.value.requestedAt) - world.wallMs() + world.engine.now;
    const restarted = opened < this.#born;
    const driver = new MigrationDriver(this.#agent, { intent: entry.intent, restarted });
    this.#drivers.set(id, driver);
    driver.run(() => {
      this.#drivers.delete(id);
      this.#ended.add(id);
      this.#agent.vms.look(vm);
    });
  }

  driverOf(id: MigrationId): MigrationDriver | undefined {
    return this.#drivers.get(id);
  }

  copyEnded(qemu: Qemu): void {
    for (const driver of this.#drivers.values()) driver.copyEnded(qemu);
  }

  guestRuns(qemu: Qemu): void {
    for (const driver of this.#drivers.values()) driver.guestRuns(qemu);
  }

  // What other agents ask of this one as the destination.

  prepare(intent: MigrationIntent, answer: (ready: boolean) => void): void {
    const { machine, view, world } = this.#agent;
    const known = this.#copies.get(intent.migrationId);
    if (known !== undefined) return answer(known.qemu?.ready === true && !known.discarded);
    const copy = this.#remember(intent.migrationId, intent.vm);
    const highlyAvailable = view.vms.get(intent.vm)?.record?.value.highlyAvailable ?? true;
    const qemu = machine.spawn({ vm: intent.vm, highlyAvailable, incoming: intent.migrationId });
    world.oracle.arrives(qemu, world.machine(intent.source));
    const { agentProcess } = machine;
    world.engine.after(world.random.qemu.skewed(200, 1500), () => {
      if (!qemu.alive) return;
      qemu.ready = true;
      agentProcess.deliver(() => {
        copy.qemu = qemu;
        if (copy.discarded) machine.kill(qemu);
        answer(!copy.discarded);
      });
    });
  }

  status(id: MigrationId): DestinationStatus {
    const copy = this.#copies.get(id);
    if (copy === undefined) return { copy: 'absent', mayHaveRun: true, hasGo: false };
    const { qemu } = copy;
    if (qemu === null) return { copy: copy.discarded ? 'absent' : 'receiving', mayHaveRun: false, hasGo: false };
    const hasGo = qemu.mayHaveRun || copy.running;
    if (!qemu.alive || qemu.dying) return { copy: copy.discarded ? 'absent' : 'dead', mayHaveRun: hasGo, hasGo };
    if (qemu.mayHaveRun && (this.#agent.suspended.has(qemu.vm) || qemu.state === 'running')) {
      return { copy: 'running', mayHaveRun: true, hasGo: true };
    }
    return { copy: qemu.loaded ? 'loaded' : 'receiving', mayHaveRun: qemu.mayHaveRun, hasGo };
  }

  discard(id: MigrationId, vm: VmName, answer: (status: DestinationStatus) => void): void {
    const copy = this.#copies.get(id);
    if (copy === undefined) {
      this.#remember(id, vm).discarded = true;
      return answer({ copy: 'absent', mayHaveRun: true, hasGo: false });
    }
    if (copy.running || copy.qemu?.mayHaveRun === true) return answer(this.status(id));
    copy.discarded = true;
    const gone = () => answer({ copy: 'absent', mayHaveRun: false, hasGo: false });
    const { machine } = this.#agent;
    const { agentProcess } = machine;
    if (copy.qemu === null) gone();
    else machine.kill(copy.qemu, () => agentProcess.deliver(gone));
  }

  go(id: MigrationId): boolean {
    const { standing, machine, world } = this.#agent;
    const copy = this.#copies.get(id);
    if (copy?.running === true) return copy.qemu?.alive === true;
    const qemu = copy?.qemu;
    if (copy === undefined || qemu == null || !qemu.alive || qemu.dying || copy.discarded) return false;
    if (qemu.highlyAvailable && !standing.holds() && world.rules.authorityBeforeStart) return false;
    // QEMU refuses `cont` while it waits for memory.
    if (!qemu.loaded) return false;
    qemu.mayHaveRun = true;
    copy.running = true;
    machine.resumeGuest(qemu, standing.untilMs);
    if (world.telling) world.tell({ kind: 'migration', vm: qemu.vm, text: `${machine.name} has GO` });
    const intent = this.#agent.view.vms.get(qemu.vm)?.intent?.value;
    if (intent?.migrationId === id) world.strikes.reached('go', intent);
    return true;
  }

  removeOrphans(): void {
    if (this.#copies.size === 0 || !this.#agent.fresh()) return;
    const { view, machine, world } = this.#agent;
    for (const [id, copy] of this.#copies) {
      const vm = view.vms.get(copy.vm);
      if (vm?.intent?.value.migrationId === id || world.engine.now - copy.madeAt < ORPHAN_AFTER_MS) continue;
      const ours = vm?.owner?.value.node === machine.name && copy.qemu?.mayHaveRun === true;
      if (!ours && copy.qemu !== null && copy.qemu.alive) {
        copy.discarded = true;
        machine.kill(copy.qemu);
      }
      if (!ours || copy.qemu?.alive !== true || vm?.intent === null) this.#copies.delete(id);
    }
  }

  // Settlement of those whose source is fenced, by any agent.

  dueForSettlement(): VmName[] {
    const { view } = this.#agent;
    const due: VmName[] = [];
    for (const [name, entry] of view.vms) {
      if (entry.intent != null && entry.record != null && fencedSides(view, entry).sourceFenced) due.push(name);
    }
    return due;
  }

  settle(vm: VmName, done: () => void): void {
    const { view } = this.#agent;
    const entry = view.vms.get(vm);
    if (entry?.intent == null || entry.record == null) return this.#agent.after(100, done);
    if (fencedSides(view, entry).destinationFenced) return this.#decide(entry, { kind: 'not-asked' }, done);
    const { migrationId, destination } = entry.intent.value;
    this.#ask<DestinationStatus>(
      destination,
      (other, answer) => answer(other.migrations.status(migrationId)),
      (status) => {
        this.#decide(entry, status === null ? { kind: 'silent' } : { kind: 'answered', ...status }, done);
      },
    );
  }

  #decide(entry: VmEntry, destination: DestinationKnowledge, done: () => void): void {
    const { view, world } = this.#agent;
    const sides = fencedSides(view, entry);
    const decision = world.protocol.settleIntent({ ...sides, source: { kind: 'silent' }, destination });
    const intent = entry.intent?.value;
    if (intent === undefined) return this.#agent.after(100, done);
    if (decision.kind === 'close') {
      const outcome = decision.settlement === 'handed-over' ? 'completed' : 'failed';
      const receipt = receiptOf(intent, { outcome, reason: decision.reason, world });
      const transaction = closingTransaction(view, entry, { decision, receipt, now: this.#agent.now() });
      if (transaction === null) return this.#agent.after(100, done);
      return this.#agent.transact(transaction, 2000, (outcome) => {
        if (outcome.kind === 'applied' && world.telling) {
          world.tell({
            kind: 'migration',
            vm: intent.vm,
            text: `${decision.settlement}, settled by ${this.#agent.machine.name}: ${decision.reason}`,
          });
        }
        this.#agent.after(100, done);
      });
    }
    const again = () => this.#agent.after(200, done);
    if (decision.kind !== 'do' || decision.by !== 'destination') return again();
    const { migrationId, vm, destination: node } = intent;
    if (decision.what === 'discard-copy')
      this.#ask(node, (other, answer) => other.migrations.discard(migrationId, vm, answer), again);
    else this.#ask(node, (other, answer) => answer(other.migrations.go(migrationId)), again);
  }

  #ask<T>(
    node: NodeName,
    run: (other: SimulatedAgent, answer: (value: T) => void) => void,
    done: (value: T | null) => void,
  ): void {
    this.#agent.call(node, CALL_MS, { run, done });
  }

  #remember(id: MigrationId, vm: VmName): Copy {
    const copy: Copy = { vm, madeAt: this.#agent.world.engine.now, qemu: null, discarded: false, running: false };
    this.#copies.set(id, copy);
    return copy;
  }
}
