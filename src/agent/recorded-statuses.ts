import { isNewer } from '../failover/revision.ts';
import type { ClusterState, VmEntry } from '../model/cluster-state.ts';
import type { Revision, VmName } from '../model/names.ts';
import type { VmRecord, VmStatus } from '../model/vm.ts';

interface Recorded {
  readonly revision: Revision;
  readonly status: VmStatus;
  /** Null: it was left as it was. */
  readonly record: VmRecord | null;
}

/**
 * What this agent has recorded of its VMs and its view of the store does not have yet. The next decision rests on it at once: one that
 * rested on the view would only be refused by the store, and a restart would wait for that.
 */
export class RecordedStatuses {
  readonly #ahead = new Map<VmName, Recorded>();

  note(vm: VmName, recorded: Recorded): void {
    this.#ahead.set(vm, recorded);
  }

  /** The VM as it is known newest; undefined: the view has none. */
  newest(state: ClusterState, vm: VmName): VmEntry | undefined {
    const entry = state.vms.get(vm);
    const ahead = this.#ahead.get(vm);
    if (ahead === undefined || entry?.record == null) return entry;
    const { revision, status, record } = ahead;
    if (!isNewer(revision, state.revision)) {
      this.#ahead.delete(vm);
      return entry;
    }
    return {
      ...entry,
      status: { value: status, modRevision: revision },
      record: record === null ? entry.record : { value: record, modRevision: revision },
    };
  }
}
