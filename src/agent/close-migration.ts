import { applyEntries, type ClusterState, EMPTY_CLUSTER_STATE, type Versioned } from '../model/cluster-state.ts';
import type { MigrationIntent } from '../model/intent.ts';
import { keys } from '../model/keys.ts';
import { closingTransaction, type SettlementKind } from '../failover/settle-intent.ts';
import type { Receipt } from '../migration/receipt.ts';
import type { Clock } from '../ports/clock.ts';
import type { ClusterStore } from '../ports/store.ts';

export interface ClosingPorts {
  readonly store: ClusterStore;
  readonly clock: Clock;
}

/** Of the cluster only what the closing transaction needs: the VM, the memory held on both nodes, and the destination's boot. */
export type FoundForClosing = ClusterState;

/** May be read ahead: what changes afterwards makes the transaction fail, and it is tried again. */
export async function readForClosing(intent: MigrationIntent, store: ClusterStore): Promise<FoundForClosing> {
  const [ofVm, ...ofNodes] = await Promise.all([
    store.list(`${keys.vms}${intent.vm}/`),
    store.get(keys.nodeMemory(intent.source)),
    store.get(keys.nodeMemory(intent.destination)),
    store.get(keys.nodeFacts(intent.destination)),
  ]);
  const entries = [...ofVm, ...ofNodes.filter((entry) => entry !== undefined)];
  return applyEntries(EMPTY_CLUSTER_STATE, { entries, revision: '0', nowMs: 0 });
}

/**
 * For the source's agent, which answers for its own copy and has asked about the other one: no proof that a node is fenced is needed.
 * Returns 'closed', 'again' (somebody wrote at the same time, or no answer: look and try again), or 'not-ours' (it is closed already).
 */
export async function closeMigration(
  intent: Versioned<MigrationIntent>,
  closing: { readonly settlement: SettlementKind; readonly receipt: Receipt; readonly found: FoundForClosing },
  { store, clock }: ClosingPorts,
): Promise<'closed' | 'again' | 'not-ours'> {
  const { settlement, receipt, found } = closing;
  const entry = found.vms.get(intent.value.vm);
  if (entry?.intent?.modRevision !== intent.modRevision) return 'not-ours';
  const reason = receipt.reason ?? 'the reason is not known';
  const now = { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
  const decision = { settlement, reason, relyOnFenced: [] };
  const transaction = closingTransaction(found, entry, { decision, receipt, now });
  if (transaction === null) return 'not-ours';
  const outcome = await store.transact(transaction);
  return outcome.kind === 'applied' ? 'closed' : 'again';
}
