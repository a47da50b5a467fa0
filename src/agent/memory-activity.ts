/**
 * What the guests of this node do with their memory, sampled now and then for the forecasts. Ahead of the first sample of a process
 * QEMU is prepared for its first migration.
 */
import { isoDate } from '../migration/write-receipt.ts';
import type { VmEntry } from '../model/cluster-state.ts';
import { keys } from '../model/keys.ts';
import type { InstanceId, Revision, VmName } from '../model/names.ts';
import type { VmActivity } from '../model/vm.ts';
import type { Instance } from '../ports/hypervisor.ts';
import type { AgentPorts } from './agent-ports.ts';

const LOOK_EVERY_MS = 1000;
/** After a start or a migration the guest first settles. */
const SETTLES_MS = 2000;
const SAMPLE_EVERY_MS = 10_000;
const PUBLISH_DEADLINE_MS = 1000;

type MemoryActivityPorts = Pick<AgentPorts, 'config' | 'store' | 'view' | 'instances' | 'clock' | 'log'>;

/** Samples one VM at a time, never one with an open migration. Returns a function that ends it; a sample under way then is not published. */
export function startMemoryActivity(ports: MemoryActivityPorts): () => void {
  const activity = new MemoryActivity(ports);
  const stopLooking = ports.clock.every(LOOK_EVERY_MS, () => activity.look());
  return () => {
    stopLooking();
    activity.stop();
  };
}

interface Sampled {
  readonly vm: VmName;
  readonly instance: Instance;
  /** Revision of the owner key that made this node the owner. */
  readonly epoch: Revision;
}

class MemoryActivity {
  readonly #ports: MemoryActivityPorts;
  /** When each process that runs is sampled next, monotonic. */
  #dueAtMs = new Map<InstanceId, number>();
  #sampling = false;
  #stopped = false;

  constructor(ports: MemoryActivityPorts) {
    this.#ports = ports;
  }

  stop(): void {
    this.#stopped = true;
  }

  look(): void {
    const nowMs = this.#ports.clock.monotonicMs();
    const running = [...this.#ports.view.current().vms].flatMap(([vm, entry]) => this.#running(vm, entry) ?? []);
    // A process that is not among them, be it for an open migration, begins anew when it is.
    this.#dueAtMs = new Map(
      running.map(({ instance: { id } }) => [id, this.#dueAtMs.get(id) ?? nowMs + SETTLES_MS] as const),
    );
    if (this.#sampling) return;
    const dueAtMs = ({ instance }: Sampled) => this.#dueAtMs.get(instance.id) ?? nowMs;
    const due = running.filter((one) => dueAtMs(one) <= nowMs).toSorted((a, b) => dueAtMs(a) - dueAtMs(b));
    const [next] = due;
    if (next === undefined) return;
    this.#dueAtMs.set(next.instance.id, nowMs + SAMPLE_EVERY_MS);
    this.#sampling = true;
    void this.#prepare(due)
      .then(() => this.#sample(next))
      .finally(() => {
        this.#sampling = false;
      });
  }

  #running(vm: VmName, { owner, status, intent }: VmEntry): Sampled | null {
    const { config, instances } = this.#ports;
    const runsHere = owner?.value.node === config.node && status?.value.state === 'running' && intent === null;
    const instance = runsHere ? instances.ofVm(vm) : undefined;
    return owner === null || instance === undefined ? null : { vm, instance, epoch: owner.modRevision };
  }

  /** All that are due, because a sample takes more than a second. Of a process that is prepared it asks nothing. */
  async #prepare(due: readonly Sampled[]): Promise<void> {
    for (const one of due) {
      if (this.#undisturbed(one)) await one.instance.prepareDirtyTracking();
    }
  }

  async #sample(sampled: Sampled): Promise<void> {
    const { vm, instance } = sampled;
    if (!this.#undisturbed(sampled)) return;
    try {
      const memory = await instance.sampleMemory();
      if (!this.#undisturbed(sampled)) return;
      const dirtyBytesPerSecond = await instance.sampleDirtyRate();
      if (!this.#undisturbed(sampled)) return;
      await this.#publish(sampled, {
        usedBytes: memory.usedBytes,
        compressedRatio: memory.compressedRatio,
        dirtyBytesPerSecond,
        sampledAt: isoDate(this.#ports.clock.wallMs()),
      });
    } catch (error) {
      this.#ports.log.debug("A guest's memory was not sampled", { vm, error: String(error) });
    }
  }

  /** A migration that was opened meanwhile has the node to itself. */
  #undisturbed({ vm, instance, epoch }: Sampled): boolean {
    const entry = this.#ports.view.current().vms.get(vm);
    const running = entry === undefined ? null : this.#running(vm, entry);
    return !this.#stopped && running?.instance.id === instance.id && running.epoch === epoch;
  }

  /** Only as the owner: a former one must not overwrite what its successor saw, nor bring back the key of a deleted VM. */
  async #publish({ vm, epoch }: Sampled, value: VmActivity): Promise<void> {
    const outcome = await this.#ports.store.transact(
      {
        compare: [{ key: keys.vmOwner(vm), modRevision: epoch }],
        write: [{ put: keys.vmActivity(vm), value }],
      },
      PUBLISH_DEADLINE_MS,
    );
    if (outcome.kind !== 'applied') {
      this.#ports.log.debug("What a guest's memory does was not published", { vm, outcome: outcome.kind });
    }
  }
}
