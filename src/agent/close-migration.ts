import type { Versioned } from '../model/cluster-state.ts';
import type { MigrationIntent } from '../model/intent.ts';
import { keys } from '../model/keys.ts';
import { type NodeMemory, withoutAllocation } from '../model/node.ts';
import type { VmStatus } from '../model/vm.ts';
import type { Receipt } from '../migration/receipt.ts';
import { isoDate } from '../migration/write-receipt.ts';
import type { Clock } from '../ports/clock.ts';
import type { ClusterStore, StoreEntry, Write } from '../ports/store.ts';

/**
 * The one transaction that ends a migration. It compares the owner's epoch and the intent, so of two competing
 * settlements only one can win; it writes the receipt, so a migration without a receipt is open.
 *
 * - `handed-over`: the destination owns the VM and runs it.
 * - `stayed`: the source goes on as if nothing had happened.
 * - `continues-anew`: the source goes on after its QEMU had completed; the epoch changes.
 * - `restart`: neither copy may run; the VM is started from its disk on the source.
 */
export type Settlement = 'handed-over' | 'stayed' | 'continues-anew' | 'restart';

export interface ClosingPorts {
  readonly store: ClusterStore;
  readonly clock: Clock;
}

/** The keys that the closing transaction compares or changes. */
export interface FoundForClosing {
  readonly entries: readonly StoreEntry[];
  readonly sourceMemory: StoreEntry | undefined;
  readonly destinationMemory: StoreEntry | undefined;
}

/** May be read ahead: what changes afterwards makes the transaction fail, and it is tried again. */
export async function readForClosing(intent: MigrationIntent, store: ClusterStore): Promise<FoundForClosing> {
  const [entries, sourceMemory, destinationMemory] = await Promise.all([
    store.list(`${keys.vms}${intent.vm}/`),
    store.get(keys.nodeMemory(intent.source)),
    store.get(keys.nodeMemory(intent.destination)),
  ]);
  return { entries, sourceMemory, destinationMemory };
}

/** Returns 'closed', 'again' (somebody wrote at the same time, or no answer: look and try again), or 'not-ours' (it is closed already). */
export async function closeMigration(
  intent: Versioned<MigrationIntent>,
  closing: { readonly settlement: Settlement; readonly receipt: Receipt; readonly found: FoundForClosing },
  ports: ClosingPorts,
): Promise<'closed' | 'again' | 'not-ours'> {
  const { vm } = intent.value;
  const { entries, sourceMemory, destinationMemory } = closing.found;
  const stored = (key: string) => entries.find((entry) => entry.key === key);
  if (stored(keys.vmIntent(vm))?.modRevision !== intent.modRevision) return 'not-ours';
  const { settlement, receipt } = closing;
  const releases = release(settlement === 'handed-over' ? sourceMemory : destinationMemory, vm);
  const status = stored(keys.vmStatus(vm))?.value as VmStatus | undefined;
  const outcome = await ports.store.transact({
    compare: [
      { key: keys.vmIntent(vm), modRevision: intent.modRevision },
      { key: keys.vmOwner(vm), modRevision: intent.value.epoch },
      ...releases.map(({ compare }) => compare),
    ],
    write: [
      { delete: keys.vmIntent(vm) },
      { delete: keys.vmCancel(vm) },
      { delete: keys.migrationProgress(intent.value.migrationId) },
      { put: keys.migration(intent.value.migrationId), value: receipt },
      ...releases.map(({ write }) => write),
      ...ownerWrites(intent.value, settlement),
      ...statusWrites({ intent: intent.value, settlement, receipt, status, clock: ports.clock }),
    ],
  });
  return outcome.kind === 'applied' ? 'closed' : 'again';
}

function release(entry: StoreEntry | undefined, vm: string) {
  if (entry === undefined) return [];
  const value = withoutAllocation(entry.value as NodeMemory, vm);
  return [{ compare: { key: entry.key, modRevision: entry.modRevision }, write: { put: entry.key, value } as Write }];
}

function ownerWrites(intent: MigrationIntent, settlement: Settlement): Write[] {
  const put = keys.vmOwner(intent.vm);
  if (settlement === 'handed-over') return [{ put, value: { node: intent.destination } }];
  // Writing the same owner changes the epoch: whatever still knows the old one can do nothing any more.
  if (settlement === 'continues-anew' || settlement === 'restart') return [{ put, value: { node: intent.source } }];
  return [];
}

function statusWrites(input: {
  intent: MigrationIntent;
  settlement: Settlement;
  receipt: Receipt;
  status: VmStatus | undefined;
  clock: Clock;
}): Write[] {
  const { intent, settlement, receipt, status } = input;
  if (settlement === 'stayed' || settlement === 'continues-anew') return [];
  const restart = settlement === 'restart';
  const value: VmStatus = {
    state: restart ? 'starting' : 'running',
    node: restart ? intent.source : intent.destination,
    instance: null,
    since: isoDate(input.clock.wallMs()),
    reason: restart
      ? `Lost in a migration (${receipt.reason ?? 'the reason is not known'}); started anew from its disk`
      : `Live-migrated from ${intent.source}`,
    settledRequest: status?.settledRequest ?? null,
    ...(status?.restarts !== undefined && { restarts: status.restarts }),
    // The copy was put where the source's process was: among those that the guard stops, or not.
    ...(!restart && status?.guarded !== undefined && { guarded: status.guarded }),
    error: null,
  };
  return [{ put: keys.vmStatus(intent.vm), value }];
}
