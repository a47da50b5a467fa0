import type { InstanceId } from '../model/names.ts';
import type { VmSlices } from '../ports/guard.ts';
import type { Instance } from '../ports/hypervisor.ts';

/** Keeps QEMU processes among those that the guard stops, or apart from them, as their VMs' records say. */
export class VmGroups {
  readonly #slices: VmSlices | null;
  readonly #guarded = new Map<InstanceId, boolean>();

  constructor(slices: VmSlices | null) {
    this.#slices = slices;
  }

  /** Returns whether the process is now among those that the guard stops. Synchronous: what is recorded afterwards is true. */
  place({ id, vm, pid }: Instance, highlyAvailable: boolean): boolean {
    if (this.#slices === null) return false;
    // Also a process that is there already: an agent that was restarted does not know.
    if (this.#guarded.get(id) !== highlyAvailable) {
      this.#slices.move(pid, this.#slices.groupOf(vm, highlyAvailable));
      this.#guarded.set(id, highlyAvailable);
    }
    return highlyAvailable;
  }
}
