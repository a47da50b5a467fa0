import { keys } from '../model/keys.ts';
import { completeReceipt, type TrafficReport } from '../migration/complete-receipt.ts';
import type { Receipt } from '../migration/receipt.ts';
import type { AgentPorts } from './agent-ports.ts';

/** Until the last announcement of the guest has gone out, and it has answered again, in milliseconds after the end. */
const SETTLES_MS = 500;
const TRIES = 5;

type FinishPorts = Pick<AgentPorts, 'store' | 'clock' | 'log'>;

/** Writes the receipt once more, with what could be measured only after the owner was recorded. Never throws. */
export async function finishReceipt(
  receipt: Receipt,
  report: () => Promise<TrafficReport>,
  { store, clock, log }: FinishPorts,
): Promise<void> {
  await clock.sleep(SETTLES_MS);
  try {
    const traffic = await report();
    await amend(receipt.id, (stored) => completeReceipt(stored, traffic), { store, clock, log });
  } catch (error) {
    log.warn('A receipt stays without its network gap', { migration: receipt.id, error });
  }
}

/** Receipts that an agent which was killed here did not finish; for the start. */
export async function closeUnfinishedReceipts(
  node: string,
  { view, ...ports }: FinishPorts & Pick<AgentPorts, 'view'>,
) {
  const report: TrafficReport = {
    ...{
      method: null,
      methodReason: "the source's agent was restarted before it could say",
      counts: null,
      probe: null,
    },
    ...{ countsReason: "the source's agent was restarted", probeReason: "the source's agent was restarted" },
  };
  for (const stored of view.current().migrations.values()) {
    const { id, source, complete } = stored as Receipt;
    if (source !== node || complete) continue;
    await amend(id, (receipt) => completeReceipt(receipt, report), ports).catch((error: unknown) => {
      ports.log.warn('A receipt stays without its network gap', { migration: id, error });
    });
  }
}

async function amend(id: string, change: (stored: Receipt) => Receipt, { store, clock }: FinishPorts): Promise<void> {
  const key = keys.migration(id);
  for (let tries = 0; tries < TRIES; tries++) {
    const entry = await store.get(key);
    if (entry === undefined || (entry.value as Receipt).complete) return;
    const outcome = await store.transact({
      compare: [{ key, modRevision: entry.modRevision }],
      write: [{ put: key, value: change(entry.value as Receipt) }],
    });
    if (outcome.kind === 'applied') return;
    await clock.sleep(200);
  }
}
