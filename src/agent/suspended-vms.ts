import { keys } from '../model/keys.ts';
import type { VmName } from '../model/names.ts';
import type { MigrationIntent } from '../model/intent.ts';
import type { VmOwner, VmStatus } from '../model/vm.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventLog } from '../ports/events.ts';
import type { GuardLink, VmSlices } from '../ports/guard.ts';
import type { Instance } from '../ports/hypervisor.ts';
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
  readonly events: EventLog;
  readonly clock: Clock;
  readonly log: Log;
}

const RETRY_MS = 200;
const KILL_MS = 5000;

/**
 * The highly available VMs of this node while it has no authority. When it ends they are paused in an orderly way, shortly ahead of
 * the guard's freezing. When it is back each VM stays frozen until a transaction has proven that it is still this node's;
 * those that moved end as they are. A node that was fenced ends all of them.
 */
export class SuspendedVms {
  readonly #ports: SuspendedPorts;
  readonly #suspended = new Set<VmName>();
  #generation = 0;

  constructor(ports: SuspendedPorts) {
    this.#ports = ports;
    ports.authority.subscribe((change) => this.#onChange(change));
  }

  isSuspended(vm: VmName): boolean {
    return this.#suspended.has(vm);
  }

  /** After a start of the agent: resolves when no VM here is frozen any more, so that each QEMU answers. */
  async settled(): Promise<void> {
    const { guard, slices, clock } = this.#ports;
    const frozen = () =>
      (guard?.status()?.frozen ?? false) ||
      this.#suspended.size > 0 ||
      (slices?.highlyAvailable() ?? []).some((vm) => slices?.isFrozen(vm) === true);
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
    for (const instance of instances.all()) {
      if (this.#isHighlyAvailable(instance.vm)) await instance.kill();
    }
    this.#suspended.clear();
  }

  #isHighlyAvailable(vm: VmName): boolean {
    return this.#ports.view.current().vms.get(vm)?.record?.value.highlyAvailable ?? true;
  }

  #onChange(change: AuthorityChange): void {
    this.#generation += 1;
    if (change === 'ended') this.#suspend();
    else if (change === 'back') this.#prove();
  }

  #suspend(): void {
    const { instances, slices, events, node, log } = this.#ports;
    const vms = new Set([...(slices?.highlyAvailable() ?? []), ...instances.all().map(({ vm }) => vm)]);
    for (const vm of vms) {
      if (!this.#isHighlyAvailable(vm) || this.#suspended.has(vm)) continue;
      this.#suspended.add(vm);
      for (const instance of this.#instancesOf(vm)) {
        instance.pause().catch((error: unknown) => {
          log.warn('QEMU could not be paused in time; the guard freezes it', { vm, error });
        });
      }
    }
    if (this.#suspended.size === 0) return;
    events.say({
      ...{ kind: 'authority-ended', critical: true, node, vm: null },
      text: `${node} lost its right to run VMs; what stands still there: ${[...this.#suspended].sort().join(', ')}.`,
      reason: 'Neither the store nor enough voters have answered for 3.5 s.',
    });
  }

  #instancesOf(vm: VmName): Instance[] {
    return this.#ports.instances.all().filter((instance) => instance.vm === vm);
  }

  /** Synchronous up to here: each VM's own freeze is in place before the guard lifts its own. */
  #prove(): void {
    const { slices, events, node } = this.#ports;
    // An agent that was started meanwhile knows none of them yet.
    for (const vm of slices?.highlyAvailable() ?? []) if (slices?.isFrozen(vm) === true) this.#suspended.add(vm);
    if (this.#suspended.size === 0) return;
    for (const vm of this.#suspended) slices?.holdFrozen(vm);
    events.say({
      ...{ kind: 'authority-back', critical: false, node, vm: null },
      text: `${node} may run VMs again; each of them goes on once it is proven to be still here.`,
      reason: 'The store or enough voters answer again.',
    });
    for (const vm of this.#suspended) void this.#proveOne(vm, this.#generation);
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
    const { store, node, slices, log } = this.#ports;
    const entries = await store.list(`${keys.vms}${vm}/`);
    const owner = find<VmOwner>(entries, keys.vmOwner(vm));
    const intent = find<MigrationIntent>(entries, keys.vmIntent(vm));
    const arrived = intent?.value.destination === node && this.#instancesOf(vm).some((one) => one.mayHaveRun);
    if (owner?.value.node !== node) {
      // It had GO here: it goes on once its arrival is recorded.
      if (arrived) return false;
      log.warn('A suspended VM has moved; its copy here is ended', { vm, owner: owner?.value.node });
      await slices?.kill(vm, KILL_MS);
      await Promise.all(this.#instancesOf(vm).map((instance) => instance.kill()));
      this.#suspended.delete(vm);
      return true;
    }
    const status = find<VmStatus>(entries, keys.vmStatus(vm));
    if (status === undefined) throw new Error('it has no status');
    const outcome = await store.transact({
      compare: [
        { key: keys.vmOwner(vm), modRevision: owner.modRevision },
        { key: keys.vmIntent(vm), modRevision: intent?.modRevision ?? '0' },
      ],
      write: [{ put: keys.vmStatus(vm), value: status.value }],
    });
    if (outcome.kind !== 'applied' || generation !== this.#generation) return false;
    return await this.#goOn(vm, { generation, wasRunning: status.value.state === 'running' });
  }

  async #goOn(vm: VmName, { generation, wasRunning }: { generation: number; wasRunning: boolean }): Promise<boolean> {
    const { slices, authority, log } = this.#ports;
    if (!authority.holds()) return false;
    slices?.thaw(vm);
    for (const instance of this.#instancesOf(vm)) {
      // It may have been paused in the last moment. A copy that is complete elsewhere is in another state, and never continues here.
      if (!wasRunning || (await instance.runState()) !== 'paused') continue;
      if (!authority.holds() || generation !== this.#generation) return false;
      await instance.resume();
    }
    this.#suspended.delete(vm);
    log.info('A suspended VM goes on', { vm });
    return true;
  }
}

function find<T>(entries: readonly StoreEntry[], key: string): { value: T; modRevision: string } | undefined {
  const entry = entries.find((one) => one.key === key);
  return entry === undefined ? undefined : { value: entry.value as T, modRevision: entry.modRevision };
}
