import type { VmEntry } from '../src/model/cluster-state.ts';
import { keys } from '../src/model/keys.ts';
import type { VmName } from '../src/model/names.ts';
import { withoutAllocation } from '../src/model/node.ts';
import type { VmRecord, VmStatus } from '../src/model/vm.ts';
import type { WaitingStart } from '../src/failover/start-pacing.ts';
import { availabilityOf } from '../src/placement/occupancy.ts';
import type { RunState } from '../src/ports/hypervisor.ts';
import type { Compare, Write } from '../src/ports/store.ts';
import type { VmDecision } from '../src/agent/decide-vm.ts';
import { proofOf, type RecordDecision } from '../src/agent/record-decision.ts';
import type { SimulatedAgent } from './agent.ts';
import type { Qemu } from './qemu.ts';

/** The VMs that this node owns and that are not being migrated: look, decide, act, record, as src/agent/owned-vms.ts does. */
export class OwnVms {
  readonly #agent: SimulatedAgent;
  readonly #busy = new Set<VmName>();
  readonly #again = new Set<VmName>();
  /** VMs that are to be started here and wait for their turn. */
  readonly #waitingStarts = new Map<VmName, WaitingStart>();
  #starting = 0;

  constructor(agent: SimulatedAgent) {
    this.#agent = agent;
  }

  /** Level-triggered: what was missed is found by the next look. */
  lookAtAll(): void {
    const { view, machine } = this.#agent;
    for (const [vm, { owner }] of view.vms) if (owner?.value.node === machine.name) this.look(vm);
  }

  look(vm: VmName): void {
    if (this.#busy.has(vm)) {
      this.#again.add(vm);
      return;
    }
    this.#busy.add(vm);
    this.#again.delete(vm);
    this.#step(vm);
  }

  #done(vm: VmName): void {
    this.#busy.delete(vm);
    if (this.#again.delete(vm)) this.look(vm);
  }

  copyOf(vm: VmName): Qemu | undefined {
    for (const qemu of this.#agent.machine.qemus) if (qemu.vm === vm && !qemu.dying) return qemu;
    return undefined;
  }

  #entry(vm: VmName): VmEntry | null {
    const { view, machine, suspended } = this.#agent;
    const entry = view.vms.get(vm);
    if (entry?.record == null || entry.intent !== null || entry.owner?.value.node !== machine.name) return null;
    return suspended.has(vm) ? null : entry;
  }

  #step(vm: VmName): void {
    this.#waitingStarts.delete(vm);
    const entry = this.#entry(vm);
    if (entry === null || !this.#agent.membership.joined) return this.#done(vm);
    const { machine, standing, view, world } = this.#agent;
    const qemu = this.copyOf(vm);
    if (qemu !== undefined && (!qemu.ready || qemu.frozen)) return this.#done(vm);
    const membership = view.nodes.get(machine.name)?.membership?.value;
    const decision = world.protocol.decideVm(entry.record.value, entry.status?.value ?? null, {
      runState: qemu === undefined ? null : (qemu.state satisfies RunState),
      instance: qemu?.id ?? null,
      lastWords: '',
      guestShutDown: false,
      shutdownAskedForMs: null,
      wasReset: false,
      saveFailed: null,
      node: machine.name,
      bootId: machine.bootId,
      memberSince: membership?.state === 'member' ? membership.since : null,
      wallMs: world.wallMs(),
      hasAuthority: standing.holds() || !world.rules.authorityBeforeStart,
    });
    this.#carryOut(entry, decision, qemu);
  }

  #carryOut(entry: VmEntry, decision: VmDecision, qemu: Qemu | undefined): void {
    const vm = entry.record.value.definition.name;
    switch (decision.action) {
      case 'nothing':
        if (decision.againInMs !== undefined) this.#agent.after(decision.againInMs, () => this.look(vm));
        return this.#done(vm);
      case 'start':
        return this.#startInTurn(entry);
      case 'resume':
      case 'go-on':
        return this.#resume(entry, qemu, decision.action);
      case 'power-down':
      case 'kill':
        if (qemu === undefined) return this.#done(vm);
        this.#agent.machine.kill(qemu, () => this.#agent.machine.agentProcess.deliver(() => this.look(vm)));
        return this.#done(vm);
      case 'record':
        return this.#record(entry, decision, () => this.#done(vm));
      // Nobody asks for these in the simulation.
      case 'pause':
      case 'reset':
      case 'save':
        return this.#done(vm);
      case 'move-elsewhere':
        this.#agent.coordination.moveElsewhere(vm);
        return this.#done(vm);
    }
  }

  /** A batch after a failover, or after a boot: a few at a time, the important ones first. */
  #startInTurn(entry: VmEntry): void {
    const { name: vm, memoryBytes } = entry.record.value.definition;
    const { priority } = availabilityOf(entry.record.value);
    const { nextStarts } = this.#agent.world.protocol;
    this.#waitingStarts.set(vm, { vm, memoryBytes, priority });
    // Those that are looked at in this very turn take part as well.
    this.#agent.after(0, () => {
      const turn = nextStarts([...this.#waitingStarts.values()], this.#starting).includes(vm);
      if (!turn && this.#agent.world.rules.startInTurn) return this.#done(vm);
      this.#waitingStarts.delete(vm);
      this.#starting += 1;
      this.#start(entry);
    });
  }

  #started(): void {
    this.#starting -= 1;
    for (const waiting of [...this.#waitingStarts.keys()]) this.look(waiting);
  }

  #start(entry: VmEntry): void {
    const { machine, world } = this.#agent;
    const { definition, highlyAvailable } = entry.record.value;
    const vm = definition.name;
    const qemu = machine.spawn({ vm, highlyAvailable, incoming: null });
    if (world.telling) world.guest(qemu, 'starting');
    world.engine.after(world.random.qemu.skewed(200, 900), () => {
      qemu.ready = true;
      machine.agentProcess.deliver(() => {
        this.#again.add(vm);
        this.#done(vm);
        this.#started();
      });
    });
    if (!world.rules.recordBeforeResume) machine.resumeGuest(qemu, this.#agent.standing.untilMs);
  }

  #resume(entry: VmEntry, qemu: Qemu | undefined, action: 'resume' | 'go-on'): void {
    const vm = entry.record.value.definition.name;
    const { machine, standing, world } = this.#agent;
    this.#record(entry, proofOf(entry, action), (applied) => {
      const allowed = !entry.record.value.highlyAvailable || standing.holds() || !world.rules.authorityBeforeStart;
      if (applied && allowed && qemu !== undefined) machine.resumeGuest(qemu, standing.untilMs);
      this.#again.add(vm);
      this.#done(vm);
    });
  }

  /** The state, in one transaction with the memory that becomes free. */
  #record(entry: VmEntry, decision: RecordDecision, done: (applied: boolean) => void): void {
    const { machine, view, world } = this.#agent;
    const record = entry.record.value;
    const vm = record.definition.name;
    const before = entry.status?.value;
    const restarts = decision.restarts ?? before?.restarts;
    const value: VmStatus = {
      ...{ state: decision.state, node: machine.name, instance: this.copyOf(vm)?.id ?? null, reason: decision.reason },
      ...{ since: world.isoNow(), bootId: machine.bootId, error: decision.error },
      settledRequest: decision.settle ? (record.request?.id ?? null) : (before?.settledRequest ?? null),
      ...(restarts !== undefined && { restarts }),
    };
    const compare: Compare[] = [
      { key: keys.vmRecord(vm), modRevision: entry.record.modRevision },
      { key: keys.vmOwner(vm), modRevision: entry.owner?.modRevision ?? '0' },
      { key: keys.vmIntent(vm), modRevision: '0' },
    ];
    const write: Write[] = [{ put: keys.vmStatus(vm), value }];
    const desired = decision.down ? 'off' : decision.state === 'running' ? 'running' : record.desired;
    if (desired !== record.desired)
      write.push({ put: keys.vmRecord(vm), value: { ...record, desired } satisfies VmRecord });
    const memory = view.memory.get(machine.name);
    if (decision.down && memory?.value.allocations[vm] !== undefined) {
      compare.push({ key: keys.nodeMemory(machine.name), modRevision: memory.modRevision });
      write.push({ put: keys.nodeMemory(machine.name), value: withoutAllocation(memory.value, vm) });
    }
    this.#agent.transact({ compare, write }, 2000, (outcome) => {
      if (outcome.kind !== 'applied') this.#agent.after(100, () => this.look(vm));
      done(outcome.kind === 'applied');
    });
  }
}
