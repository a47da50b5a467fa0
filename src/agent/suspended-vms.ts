import { keys } from '../model/keys.ts';
import type { VmName } from '../model/names.ts';
import type { MigrationIntent } from '../model/intent.ts';
import type { VmOwner, VmStatus } from '../model/vm.ts';
import { isoDate } from '../migration/write-receipt.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventLog } from '../ports/events.ts';
import type { GuardLink, VmSlices } from '../ports/guard.ts';
import type { Instance, MigrationStatus } from '../ports/hypervisor.ts';
import type { Log } from '../ports/log.ts';
import type { ClusterStore, StoreEntry } from '../ports/store.ts';
import type { ClusterView } from './cluster-view.ts';
import type { InstanceRegistry } from './instance-registry.ts';
import type { Authority, AuthorityChange } from './node-authority.ts';

export interface SuspendedPorts {
  readonly node: string;
  readonly store: ClusterStore;
  readonly view: ClusterView;
  readonly instances: InstanceRegistry;
  readonly authority: Authority;
  readonly guard: GuardLink | null;
  /** Null: this node has no guard, so its authority has no end; it can still be fenced. */
  readonly slices: VmSlices | null;
  /** Whether QEMU processes of an earlier agent are going to be taken up: see `takeUp`. */
  readonly hasInstances: boolean;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly log: Log;
}

const RETRY_MS = 200;
const KILL_MS = 5000;
const TRANSFER_ENDED: ReadonlySet<MigrationStatus> = new Set(['none', 'completed', 'failed', 'cancelled']);

/**
 * The highly available VMs of this node while it has no authority. When it ends they are paused in an orderly way, shortly ahead of
 * the guard's freezing. When it is back each VM stays frozen until a transaction has proven that it is still this node's;
 * those that moved end as they are. A node that was fenced ends all of them.
 */
export class SuspendedVms {
  readonly #ports: SuspendedPorts;
  readonly #suspended = new Set<VmName>();
  /** Of them: arriving by migration, found frozen by an agent that does not know its QEMU processes yet. */
  readonly #unjudged = new Set<VmName>();
  readonly #takenUp = Promise.withResolvers<void>();
  #instancesKnown: boolean;
  #generation = 0;

  constructor(ports: SuspendedPorts) {
    this.#ports = ports;
    this.#instancesKnown = !ports.hasInstances;
    if (this.#instancesKnown) this.#takenUp.resolve();
    ports.authority.subscribe((change) => this.#onChange(change));
  }

  isSuspended(vm: VmName): boolean {
    return this.#suspended.has(vm);
  }

  /**
   * After a start of the agent: resolves when no VM here is frozen any more, so that each QEMU answers. One that arrives by migration is
   * not waited for: whether it had GO is noted beside its QEMU, which is looked at only afterwards.
   */
  async settled(): Promise<void> {
    const { guard, slices, clock } = this.#ports;
    const frozen = () => {
      const inGroup = slices?.highlyAvailable() ?? [];
      const awaited = (vm: VmName) => !this.#unjudged.has(vm);
      // The guard keeps an empty group frozen until the node has its right again: nothing is in it that could answer.
      const byGuard = inGroup.length > 0 && guard?.status()?.frozen === true;
      if (byGuard || [...this.#suspended].some(awaited)) return true;
      return inGroup.some((vm) => awaited(vm) && slices?.isFrozen(vm) === true);
    };
    while (frozen()) await clock.sleep(50);
  }

  /** Ends every highly available copy on this node; resolves when nothing of them is left. */
  async endAll(): Promise<void> {
    const { slices, instances, clock, log } = this.#ports;
    for (;;) {
      const left = slices?.highlyAvailable() ?? [];
      if (slices === null || left.length === 0) break;
      log.warn('Highly available VMs of this node are ended: others may run them', { vms: left });
      await Promise.all(left.map((vm) => slices.kill(vm, KILL_MS)));
      await clock.sleep(20);
    }
    for (const vm of this.#suspended) if (this.#instancesOf(vm).length === 0) this.#suspended.delete(vm);
    // Those that the guard does not know: an agent that has just started has to find them first.
    await this.#takenUp.promise;
    for (const instance of instances.all()) {
      if (this.#isHighlyAvailable(instance.vm)) await instance.kill();
    }
    this.#suspended.clear();
  }

  /**
   * After a start of the agent, once the instances are known: guests that the agent before it had paused, and that it had no time to
   * let go on, are proven and continue.
   */
  async takeUp(): Promise<void> {
    await Promise.all(this.#ports.instances.all().map((instance) => this.#takeUpOne(instance)));
    this.#instancesKnown = true;
    this.#takenUp.resolve();
  }

  async #takeUpOne(instance: Instance): Promise<void> {
    const { view, node, log } = this.#ports;
    const { vm } = instance;
    // A copy that has just arrived stands still as well, until its source's agent says GO.
    const arrives = view.current().vms.get(vm)?.intent?.value.destination === node;
    const mayRun = instance.incomingMigration === null || instance.mayHaveRun;
    if (arrives || !mayRun || !this.#isHighlyAvailable(vm) || this.#suspended.has(vm)) return;
    try {
      if ((await instance.runState()) !== 'paused' || this.#suspended.has(vm)) return;
      this.#suspended.add(vm);
      void this.#proveOne(vm, this.#generation);
    } catch (error) {
      log.warn('A VM of an earlier agent does not answer', { vm, error });
    }
  }

  #isHighlyAvailable(vm: VmName): boolean {
    return this.#ports.view.current().vms.get(vm)?.record?.value.highlyAvailable ?? true;
  }

  #onChange(change: AuthorityChange): void {
    this.#generation += 1;
    if (change === 'back') this.#prove();
    else this.#suspend(change);
  }

  #suspend(change: 'ended' | 'fenced'): void {
    const { instances, slices, events, node, log } = this.#ports;
    const known = instances.all().map(({ vm }) => vm);
    const before = this.#suspended.size;
    // Whatever is in the guard's group it freezes in a moment.
    const vms = new Set([...(slices?.highlyAvailable() ?? []), ...known.filter((vm) => this.#isHighlyAvailable(vm))]);
    for (const vm of vms) {
      this.#suspended.add(vm);
      // Also one that is suspended already: it may have been let go on a moment ago.
      for (const instance of this.#instancesOf(vm)) {
        instance.pause().catch((error: unknown) => {
          log.warn('QEMU could not be paused in time; the guard freezes it', { vm, error });
        });
      }
    }
    if (this.#suspended.size === before) return;
    const reason =
      change === 'fenced'
        ? 'It was fenced: others may run them.'
        : 'Neither the store nor enough voters have answered for 3.5 s.';
    events.say({
      ...{ kind: 'authority-ended', critical: true, node, vm: null },
      text: `${node} lost its right to run VMs; what stands still there: ${[...this.#suspended].sort().join(', ')}.`,
      reason,
    });
  }

  #instancesOf(vm: VmName): Instance[] {
    return this.#ports.instances.all().filter((instance) => instance.vm === vm);
  }

  /** Synchronous up to here: each VM's own freeze is in place before the guard lifts its own. */
  #prove(): void {
    const { slices, events, node } = this.#ports;
    // An agent that was started meanwhile knows none of them yet.
    const guardFreezes = this.#guardFreezes();
    for (const vm of slices?.highlyAvailable() ?? []) {
      if (guardFreezes || slices?.isFrozen(vm) === true) this.#suspended.add(vm);
    }
    if (this.#suspended.size === 0) return;
    for (const vm of this.#suspended) slices?.holdFrozen(vm);
    events.say({
      ...{ kind: 'authority-back', critical: false, node, vm: null },
      text: `${node} may run VMs again; each of them goes on once it is proven to be still here.`,
      reason: 'The store or enough voters answer again.',
    });
    for (const vm of this.#suspended) void this.#proveOne(vm, this.#generation);
  }

  /** Freezing takes its time: what is not frozen yet may be in the next moment. */
  #guardFreezes(): boolean {
    const status = this.#ports.guard?.status() ?? null;
    if (status === null) return false;
    const { frozen, authorityUntilMs } = status;
    return frozen || (authorityUntilMs !== null && authorityUntilMs <= this.#ports.clock.monotonicMs());
  }

  async #proveOne(vm: VmName, generation: number): Promise<void> {
    const { clock, log } = this.#ports;
    while (generation === this.#generation && this.#suspended.has(vm)) {
      try {
        if (await this.#tryToProve(vm, generation)) return;
      } catch (error) {
        log.warn('Whether a suspended VM is still here could not be found out yet', { vm, error });
      }
      await clock.sleep(RETRY_MS);
    }
  }

  async #tryToProve(vm: VmName, generation: number): Promise<boolean> {
    const { store, node } = this.#ports;
    const entries = await store.list(`${keys.vms}${vm}/`);
    if (generation !== this.#generation) return false;
    const owner = find<VmOwner>(entries, keys.vmOwner(vm));
    const intent = find<MigrationIntent>(entries, keys.vmIntent(vm));
    if (owner?.value.node !== node) {
      const arrives = intent?.value.destination === node;
      if (arrives && !this.#instancesKnown) {
        this.#unjudged.add(vm);
        return false;
      }
      // It had GO here: it goes on once its arrival is recorded.
      const arrived = arrives && this.#instancesOf(vm).some((one) => one.mayHaveRun);
      return arrived ? false : await this.#end(vm, owner?.value.node);
    }
    this.#unjudged.delete(vm);
    const found = find<VmStatus>(entries, keys.vmStatus(vm));
    const status = found?.value ?? this.#notStarted();
    const outcome = await store.transact({
      compare: [
        { key: keys.vmOwner(vm), modRevision: owner.modRevision },
        { key: keys.vmIntent(vm), modRevision: intent?.modRevision ?? '0' },
        { key: keys.vmStatus(vm), modRevision: found?.modRevision ?? '0' },
      ],
      write: [{ put: keys.vmStatus(vm), value: status }],
    });
    if (outcome.kind !== 'applied' || generation !== this.#generation) return false;
    const leaves = intent?.value.source === node;
    // Its first start had got as far as `cont`, but was not recorded: one that never ran is in another state than `paused`.
    const started = status.state === 'starting' && status.instance !== null;
    return await this.#goOn(vm, { generation, wasRunning: started || status.state === 'running', leaves });
  }

  /** It never ran: its authority ended during its first start. */
  #notStarted(): VmStatus {
    const { node, clock } = this.#ports;
    return {
      ...{ state: 'off', node, instance: null, since: isoDate(clock.wallMs()), reason: 'Not started yet' },
      ...{ settledRequest: null, error: null },
    };
  }

  /** Frozen as it is. */
  async #end(vm: VmName, owner: string | undefined): Promise<boolean> {
    const { slices, log } = this.#ports;
    log.warn('A suspended VM has moved; its copy here is ended', { vm, owner });
    if (slices !== null && !(await slices.kill(vm, KILL_MS))) return false;
    await Promise.all(this.#instancesOf(vm).map((instance) => instance.kill()));
    this.#suspended.delete(vm);
    return true;
  }

  /** Nothing is awaited between the look at authority and the thaw, nor between that look and `cont`. */
  async #goOn(vm: VmName, { generation, wasRunning, leaves }: GoOn): Promise<boolean> {
    const { slices, authority, log } = this.#ports;
    const mayRun = () => authority.holds() && generation === this.#generation;
    if (!mayRun()) return false;
    slices?.thaw(vm);
    for (const instance of wasRunning ? this.#instancesOf(vm) : []) {
      if (leaves && !(await hasNoTransfer(instance))) return false;
      // It may have been paused in the last moment. A copy that is complete elsewhere is in another state, and never continues here.
      if ((await instance.runState()) !== 'paused') continue;
      if (!mayRun()) return false;
      await instance.resume();
    }
    if (generation !== this.#generation) return false;
    this.#suspended.delete(vm);
    log.info('A suspended VM goes on', { vm });
    return true;
  }
}

interface GoOn {
  readonly generation: number;
  readonly wasRunning: boolean;
  /** Its migration to another node is open. */
  readonly leaves: boolean;
}

/**
 * A guest that stands still is through in no time: between the question whether it is and `cont` QEMU could complete, and the guest run
 * on both nodes. So the transfer ends first; a guest that is through already is in another state than `paused`.
 */
async function hasNoTransfer(instance: Instance): Promise<boolean> {
  if (TRANSFER_ENDED.has((await instance.transfer()).status)) return true;
  await instance.cancelTransfer();
  return false;
}

function find<T>(entries: readonly StoreEntry[], key: string): { value: T; modRevision: string } | undefined {
  const entry = entries.find((one) => one.key === key);
  return entry === undefined ? undefined : { value: entry.value as T, modRevision: entry.modRevision };
}
