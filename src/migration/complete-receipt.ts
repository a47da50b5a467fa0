import { type AskedSample, clientView } from './client-view.ts';
import type { Receipt } from './receipt.ts';

/** What was seen of the guest's traffic around a switchover. */
export interface TrafficReport {
  readonly method: 'mirror' | 'announcement' | null;
  readonly methodReason: string;
  /** Null where nothing was mirrored, or the destination's agent did not answer. */
  readonly counts: {
    readonly held: number;
    readonly replayed: number;
    readonly lost: number;
    readonly duplicated: number | null;
  } | null;
  readonly countsReason: string;
  readonly probe: {
    /** From where it was watched. */
    readonly kind: string;
    readonly intervalMs: number;
    /** Longest time between two answers. */
    readonly gapMs: number | null;
    /** Its single requests, the guest's stop and the begin of the gap, all on one clock; null where that is not known. */
    readonly seen: {
      readonly samples: readonly AskedSample[];
      readonly stoppedAtMs: number;
      readonly gapStartedAtMs: number | null;
    } | null;
    readonly seenReason: string;
  } | null;
  readonly probeReason: string;
}

/** Stands in `notMeasured` of a receipt that is not complete. */
export const STILL_MEASURED = 'it is still being measured';

const COUNTS = ['framesHeld', 'framesReplayed', 'framesLost', 'framesDuplicated'] as const;
const MEASURED_AFTER = [...COUNTS, 'probe'];
const SAMPLES = 'network.probe.samples';

/** The receipt with what could only be known after the end. Pure. */
export function completeReceipt(receipt: Receipt, report: TrafficReport): Receipt {
  const notMeasured = Object.fromEntries(
    Object.entries(receipt.notMeasured).filter(
      ([path]) => path !== 'networkGapMs' && !MEASURED_AFTER.some((name) => path === `network.${name}`),
    ),
  );
  const { counts, probe } = report;
  const gapMs = probe?.gapMs ?? null;
  if (gapMs === null) notMeasured['networkGapMs'] = report.probeReason;
  if (probe === null) notMeasured['network.probe'] = report.probeReason;
  const network = {
    ...receipt.network,
    framesHeld: counts?.held ?? null,
    framesReplayed: counts?.replayed ?? null,
    framesLost: counts?.lost ?? null,
    framesDuplicated: counts?.duplicated ?? null,
    method: report.method,
    methodReason: report.methodReason,
    probe: probe === null ? null : probeOf(probe),
  };
  if (probe !== null && network.probe?.samples === undefined) notMeasured[SAMPLES] = probe.seenReason;
  for (const name of COUNTS) {
    if (network[name] !== null) continue;
    notMeasured[`network.${name}`] =
      counts === null ? report.countsReason : 'the source did not say how many frames its guest had read';
  }
  return {
    ...receipt,
    networkGapMs: gapMs === null ? null : Math.round(gapMs * 10) / 10,
    network,
    notMeasured,
    complete: true,
  };
}

function probeOf({ kind, intervalMs, seen }: NonNullable<TrafficReport['probe']>): Receipt['network']['probe'] {
  if (seen === null) return { kind, intervalMs };
  const { samples, stoppedAtMs, gapStartedAtMs } = seen;
  return {
    ...{ kind, intervalMs, samples: clientView(samples, stoppedAtMs) },
    ...(gapStartedAtMs !== null && { gapAtMs: Math.round((gapStartedAtMs - stoppedAtMs) * 10) / 10 }),
  };
}

/** The receipt as it is written with the new owner: the network gap is known only when the guest has answered again. Pure. */
export function pendingReceipt(receipt: Receipt): Receipt {
  const paths = ['networkGapMs', 'network.probe', ...COUNTS.map((name) => `network.${name}`)];
  const notMeasured = { ...receipt.notMeasured, ...Object.fromEntries(paths.map((path) => [path, STILL_MEASURED])) };
  return { ...receipt, notMeasured, complete: false };
}
