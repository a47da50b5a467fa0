import { toErrorBody } from '../model/errors.ts';
import { definitionHash } from '../model/definition-hash.ts';
import { keys } from '../model/keys.ts';
import type { VmEntry } from '../model/cluster-state.ts';
import type { VmName } from '../model/names.ts';
import type { SavedMemory, VmOwner, VmStatus } from '../model/vm.ts';
import { isoDate } from '../migration/write-receipt.ts';
import { nextStarts, type WaitingStart } from '../failover/start-pacing.ts';
import { availabilityOf } from '../placement/occupancy.ts';
import { decideElsewhere } from '../failover/elsewhere.ts';
import type { Instance } from '../ports/hypervisor.ts';
import type { AgentPorts } from './agent-ports.ts';
import { applyAndSay } from './apply-and-say.ts';
import { RecordedStatuses } from './recorded-statuses.ts';
import { VmGroups } from './vm-groups.ts';
import { decideStartFailed, decideVm, savedAs, type VmObservation } from './decide-vm.ts';
import { MemorySaves, requireSameMachine } from './memory-saves.ts';
import { isSameStatus, proofOf, type RecordDecision, recordingOf, saysRestarted } from './record-decision.ts';

/** Each waits a little for the view. */
const SAVED_TRIES = 10;

/** Looks after the VMs that this node owns and that are not being migrated: look, decide, act, record. */
export class OwnedVms {
  readonly #ports: AgentPorts;
  readonly #groups: VmGroups;
  readonly #saves: MemorySaves;
  readonly #busy = new Set<VmName>();
  readonly #again = new Set<VmName>();
  readonly #shutdownAskedAtMs = new Map<string, number>();
  readonly #recorded = new RecordedStatuses();
  /** Of each VM what may have been recorded: the store has not said. */
  readonly #doubtful = new Map<VmName, { readonly status: VmStatus; readonly decision: RecordDecision }>();
  /** The newest request to reset each VM that was carried out. */
  readonly #resetFor = new Map<VmName, string>();
  /** VMs that are to be started here and wait for their turn. */
  readonly #waitingStarts = new Map<VmName, WaitingStart>();
  /** One per VM: every look may ask for another. */
  readonly #laterLooks = new Map<VmName, () => void>();
  #starting = 0;
  /** Guests that powered themselves off: said by the event, since QEMU may be gone before it is asked. */
  readonly #shutDownByGuest = new Set<VmName>();

  constructor(ports: AgentPorts) {
    this.#ports = ports;
    this.#groups = new VmGroups(ports.slices);
    this.#saves = new MemorySaves(ports);
    ports.instances.onEvent((instance, event) => {
      if (event.kind === 'shutdown') this.#shutDownByGuest.add(instance.vm);
      void this.look(instance.vm);
    });
  }

  lookAtAll(): void {
    for (const vm of this.#ports.view.current().vms.keys()) void this.look(vm);
  }

  async look(vm: VmName): Promise<void> {
    if (this.#busy.has(vm)) {
      this.#again.add(vm);
      this.#saves.heed(vm, this.#ports.view.current().vms.get(vm)?.record?.value.request?.id);
      return;
    }
    this.#busy.add(vm);
    try {
      do {
        this.#again.delete(vm);
        await this.#step(vm);
      } while (this.#again.has(vm));
    } catch (error) {
      this.#ports.log.warn('A VM could not be looked after just now', { vm, error: toErrorBody(error) });
    } finally {
      this.#busy.delete(vm);
    }
  }

  async #step(vm: VmName): Promise<void> {
    const { view, config, instances, clock, log } = this.#ports;
    const entry = this.#recorded.newest(view.current(), vm);
    // Whatever has become of it: what is not looked at below waits no more, and takes nobody's turn.
    this.#waitingStarts.delete(vm);
    if (entry?.record == null) return;
    this.#settleDoubt(entry);
    if (entry.intent !== null) return;
    if (entry.owner?.value.node !== config.node) {
      // It may come back with a guest that knows nothing of that.
      this.#shutDownByGuest.delete(vm);
      return await this.#endStray(vm);
    }
    // Frozen, or about to be proven: it answers nothing, and nothing is to be concluded from that.
    if (this.#ports.suspended.isSuspended(vm)) return;
    const instance = instances.ofVm(vm);
    const request = entry.record.value.request;
    const askedAtMs = this.#shutdownAskedAtMs.get(request?.id ?? '');
    const runState = instance === undefined ? null : await instance.runState();
    const decision = decideVm(entry.record.value, entry.status?.value ?? null, {
      runState,
      saveFailed: this.#saves.failureOf(vm, request?.id),
      instance: instance?.id ?? null,
      lastWords: this.#shutDownByGuest.has(vm) ? '' : instances.lastWords(vm),
      wasReset: request !== null && this.#resetFor.get(vm) === request.id,
      shutdownAskedForMs: askedAtMs === undefined ? null : clock.monotonicMs() - askedAtMs,
      guestShutDown: this.#shutDownByGuest.has(vm),
      ...this.#ofNode(),
    });
    // What was seen may be what was done to it meanwhile.
    if (this.#ports.suspended.isSuspended(vm)) return;
    if (decision.action !== 'nothing') log.info('VM', { vm, decision });
    switch (decision.action) {
      case 'nothing':
        await this.#place(entry);
        this.#lookLater(vm, decision.againInMs);
        return;
      case 'move-elsewhere':
        await this.#moveElsewhere(entry);
        return;
      case 'start':
        return await this.#startInTurn(entry);
      case 'resume':
      case 'go-on':
        if (instance === undefined || !(await this.#letRun(entry, instance, decision.action))) return;
        break;
      case 'save':
        if (instance !== undefined) await this.#save(entry, instance);
        break;
      case 'pause':
        await instance?.pause();
        break;
      case 'reset':
        await instance?.reset();
        this.#resetFor.set(vm, request?.id ?? '');
        break;
      case 'power-down':
        this.#shutdownAskedAtMs.set(request?.id ?? '', clock.monotonicMs());
        await instance?.powerDown();
        return;
      case 'kill':
        await this.#kill(entry);
        break;
      case 'record':
        await this.#record(entry, decision);
        return;
    }
    this.#again.add(vm);
  }

  /** The right to run is proven by a write: the VM may have been deleted or moved while QEMU was starting, or stood still. */
  async #letRun(entry: VmEntry, instance: Instance, action: 'resume' | 'go-on'): Promise<boolean> {
    const proof = proofOf(entry, action);
    const { highlyAvailable, saved } = entry.record.value;
    if (!(await this.#record(entry, proof))) return false;
    if (highlyAvailable && !this.#mayRunNow(instance.vm)) return false;
    instance.noteMayRun();
    await instance.resume();
    this.#announce(instance);
    if (saved !== undefined && proof.saved === null) this.#saves.forget([saved.path]);
    return true;
  }

  /** Bridges may remember it where it was, and a guest may be silent until it is spoken to. */
  #announce(instance: Instance): void {
    instance
      .announce()
      .catch((error: unknown) => this.#ports.log.warn('A VM could not be announced', { vm: instance.vm, error }));
  }

  async #save(entry: VmEntry, instance: Instance): Promise<void> {
    const made = await this.#saves.save(instance, entry.record.value);
    if (made === null || !(await this.#recordSaved(entry, made.saved))) return;
    await instance.kill();
    this.#saves.forget(made.leftOver);
  }

  /**
   * To write the memory took long, and meanwhile anybody may have changed what has nothing to do with it. But the owner and the status are
   * compared as they were when the guest was stopped: whoever let it go on since has written the status.
   */
  async #recordSaved(before: VmEntry, saved: SavedMemory): Promise<boolean> {
    const { definition, request } = before.record.value;
    for (let tries = 1; tries <= SAVED_TRIES; tries += 1) {
      const newest = this.#recorded.newest(this.#ports.view.current(), definition.name);
      const record = newest?.record;
      if (record == null || record.value.request?.id !== request?.id) return false;
      if (definitionHash(record.value.definition) !== definitionHash(definition)) return false;
      if (await this.#record({ ...before, record }, savedAs(saved))) return true;
    }
    return false;
  }

  #mayRunNow(vm: VmName): boolean {
    return this.#ports.authority.holds() && !this.#ports.suspended.isSuspended(vm);
  }

  #lookLater(vm: VmName, inMs: number | undefined): void {
    this.#laterLooks.get(vm)?.();
    this.#laterLooks.delete(vm);
    if (inMs !== undefined)
      this.#laterLooks.set(
        vm,
        this.#ports.clock.after(inMs, () => void this.look(vm)),
      );
  }

  /**
   * A QEMU of a VM that another node has by now: a start that was under way while this node was fenced, or a VM that was started elsewhere
   * after somebody had confirmed that this node is dead. What it knows of its disks is old; it must never go on here.
   */
  async #endStray(vm: VmName): Promise<void> {
    const { store, instances, config, view, log } = this.#ports;
    if (instances.ofVm(vm) === undefined || !view.fresh()) return;
    // The view may be old; this is not.
    const entries = await store.list(`${keys.vms}${vm}/`);
    const owner = entries.find(({ key }) => key === keys.vmOwner(vm))?.value as VmOwner | undefined;
    const migrates = entries.some(({ key }) => key === keys.vmIntent(vm));
    const instance = instances.ofVm(vm);
    if (owner === undefined || owner.node === config.node || migrates || instance === undefined) return;
    log.error('A VM that another node owns has a QEMU here, which is ended', { vm, owner: owner.node });
    await instance.kill();
  }

  async #kill(entry: VmEntry): Promise<void> {
    const vm = entry.record.value.definition.name;
    const instance = this.#ports.instances.ofVm(vm);
    const byGuest = this.#shutDownByGuest.delete(vm) || (await instance?.runState()) === 'shutdown';
    await instance?.kill();
    const pending = entry.record.value.request;
    const answered = pending === null || pending.id === entry.status?.value.settledRequest;
    if (!byGuest || !answered) return;
    const isRecorded = await this.#record(entry, {
      ...{ action: 'record', state: 'off', reason: 'The guest shut itself down' },
      ...{ settle: false, down: true, error: null },
    } as RecordDecision);
    // Its QEMU is gone, and the next look must not take that for a crash.
    if (!isRecorded) this.#shutDownByGuest.add(vm);
  }

  /** A running VM may have become highly available, or no longer be: its record says what is wanted, its status where it is. */
  async #place(entry: VmEntry): Promise<void> {
    const vm = entry.record.value.definition.name;
    const instance = this.#ports.instances.ofVm(vm);
    const status = entry.status?.value;
    if (instance === undefined || (status?.state !== 'running' && status?.state !== 'paused')) return;
    if (this.#isGuarded(entry) === status.guarded) return this.#leaveGuard(entry);
    const { state, reason, error } = status;
    await this.#record(entry, { action: 'record', state, reason, settle: false, down: false, error });
  }

  /** Among those that the guard stops before it is recorded. */
  #isGuarded(entry: VmEntry): boolean {
    const { definition, highlyAvailable } = entry.record.value;
    const instance = this.#ports.instances.ofVm(definition.name);
    if (instance === undefined || !highlyAvailable) return highlyAvailable;
    return this.#groups.place(instance, true);
  }

  /** After it is recorded: whoever reads that the guard stops it must be able to rely on it. */
  #leaveGuard({ record }: VmEntry): void {
    const instance = this.#ports.instances.ofVm(record.value.definition.name);
    if (instance !== undefined && !record.value.highlyAvailable) this.#groups.place(instance, false);
  }

  /** A batch after a failover, or after a boot: a few at a time, the important ones first. */
  async #startInTurn(entry: VmEntry): Promise<void> {
    const { name: vm, memoryBytes } = entry.record.value.definition;
    const { priority } = availabilityOf(entry.record.value);
    this.#waitingStarts.set(vm, { vm, memoryBytes, priority });
    // Those that are looked at in this very turn take part as well.
    await this.#ports.clock.sleep(0);
    if (!nextStarts([...this.#waitingStarts.values()], this.#starting).includes(vm)) return;
    this.#waitingStarts.delete(vm);
    this.#starting += 1;
    try {
      await this.#start(entry);
    } finally {
      this.#saves.loaded(vm);
      this.#starting -= 1;
      for (const waiting of [...this.#waitingStarts.keys()]) void this.look(waiting);
    }
  }

  async #start(entry: VmEntry): Promise<void> {
    const { hypervisor, instances } = this.#ports;
    const { definition, highlyAvailable, saved } = entry.record.value;
    this.#shutDownByGuest.delete(definition.name);
    try {
      if (saved !== undefined) requireSameMachine(definition, saved);
      const instance = await hypervisor.start({
        ...{ definition, highlyAvailable },
        ignoreImageLocks: entry.owner?.value.takenOver === true,
        definitionHash: definitionHash(definition),
        incomingMigration: null,
        ...(saved !== undefined && { savedMemory: this.#saves.toLoad(saved, entry.record.value) }),
      });
      instances.add(instance);
      this.#again.add(definition.name);
    } catch (error) {
      // Its group stands still, so QEMU could not answer: that says nothing about the VM.
      if (entry.record.value.highlyAvailable && !this.#mayRunNow(entry.record.value.definition.name)) throw error;
      const { code, message, nextStep } = toErrorBody(error);
      const failed = { error: { code, message, nextStep }, ...this.#ofNode() };
      const decision = decideStartFailed(entry.record.value, entry.status?.value ?? null, failed);
      if (decision.action === 'record') await this.#record(entry, decision);
    }
  }

  #ofNode(): Pick<VmObservation, 'node' | 'bootId' | 'memberSince' | 'wallMs' | 'hasAuthority'> {
    const { authority, bootId, clock, config, view } = this.#ports;
    const membership = view.current().nodes.get(config.node)?.membership?.value;
    return {
      ...{ node: config.node, bootId, wallMs: clock.wallMs(), hasAuthority: authority.holds() },
      memberSince: membership?.state === 'member' ? membership.since : null,
    };
  }

  /** It has failed here too often. */
  async #moveElsewhere(entry: VmEntry): Promise<void> {
    const { view, clock } = this.#ports;
    const { transaction, event } = decideElsewhere(view.current(), view.now(), entry);
    if (!(await applyAndSay(this.#ports, transaction, [event]))) await clock.sleep(100);
  }

  /** What an administrator would ask about later: a VM that was restarted, or was not. */
  #tell(entry: VmEntry, decision: RecordDecision): void {
    const { events, config } = this.#ports;
    const vm = entry.record.value.definition.name;
    const about = { node: config.node, vm, critical: true, reason: decision.reason };
    if (decision.state === 'failed') events.say({ ...about, kind: 'vm-failed', text: `${vm} has failed.` });
    else if (saysRestarted(decision)) {
      events.say({ ...about, kind: 'vm-restarted', text: `${vm} is restarted on ${config.node}.` });
    }
  }

  /** A record whose answer was lost has been made after all, as the view says by now. */
  #settleDoubt(entry: VmEntry): void {
    const vm = entry.record.value.definition.name;
    const doubtful = this.#doubtful.get(vm);
    if (doubtful === undefined || entry.status === null || !isSameStatus(entry.status.value, doubtful.status)) return;
    this.#doubtful.delete(vm);
    this.#tell(entry, doubtful.decision);
  }

  /** See {@link recordingOf}. If nothing is written it is decided anew once the view has what was. */
  async #record(entry: VmEntry, decision: RecordDecision): Promise<boolean> {
    const { store, config, clock, instances, view, bootId } = this.#ports;
    const vm = entry.record.value.definition.name;
    const { status, record, transaction } = recordingOf(entry, decision, {
      ...{ node: config.node, bootId, memory: view.current().memory.get(config.node) },
      ...{ instance: instances.ofVm(vm)?.id ?? null, guarded: this.#isGuarded(entry), since: isoDate(clock.wallMs()) },
    });
    const outcome = await store.transact(transaction);
    if (outcome.kind === 'applied') {
      this.#recorded.note(vm, { revision: outcome.revision, status, record });
      this.#doubtful.delete(vm);
      this.#leaveGuard(entry);
      this.#tell(entry, decision);
      return true;
    }
    if (outcome.kind === 'unknown') {
      this.#doubtful.set(vm, { status, decision });
      this.#again.add(vm);
    }
    await clock.sleep(100);
    // What somebody else has written the view learns through the watch, and calls again then.
    return false;
  }
}
