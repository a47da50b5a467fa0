import { isNewer } from '../failover/revision.ts';
import type { ClusterState, Versioned, VmEntry } from '../model/cluster-state.ts';
import type { Revision, VmName } from '../model/names.ts';
import type { VmRecord, VmStatus } from '../model/vm.ts';

interface Ahead {
  readonly status: Versioned<VmStatus>;
  /** Null: it was left as it was. */
  readonly record: Versioned<VmRecord> | null;
}

/**
 * What this agent has recorded of its VMs and its view of the store does not have yet. The next decision rests on it at once: one that
 * rested on the view would only be refused by the store, and a restart would wait for that.
 */
export class RecordedStatuses {
  readonly #ahead = new Map<VmName, Ahead>();

  /** `record`: null if only the status was written. */
  note(
    vm: VmName,
    written: { readonly revision: Revision; readonly status: VmStatus; readonly record: VmRecord | null },
  ): void {
    const { revision: modRevision, status, record } = written;
    // The view may lack an earlier record, too.
    const earlier = this.#ahead.get(vm)?.record ?? null;
    this.#ahead.set(vm, {
      status: { value: status, modRevision },
      record: record === null ? earlier : { value: record, modRevision },
    });
  }

  /** The VM as it is known newest; undefined: the view has none. */
  newest(state: ClusterState, vm: VmName): VmEntry | undefined {
    const entry = state.vms.get(vm);
    const ahead = this.#ahead.get(vm);
    if (ahead === undefined || entry?.record == null) return entry;
    const { status, record } = ahead;
    if (!isNewer(status.modRevision, state.revision)) {
      this.#ahead.delete(vm);
      return entry;
    }
    const recordIsAhead = record !== null && isNewer(record.modRevision, entry.record.modRevision);
    return { ...entry, status, record: recordIsAhead ? record : entry.record };
  }
}
