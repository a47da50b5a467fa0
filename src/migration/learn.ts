/** What this cluster measured before, out of the receipts of its migrations. */
import type { MigrationId, NodeName, VmName } from '../model/names.ts';
import { completedMigrations, type PastMigration, sustainedRate } from '../model/past-migration.ts';
import { FIRST_LIMIT_MS, FIXED_BLACKOUT_MS } from './convergence-policy.ts';

const SAMPLES_MAX = 20;
/** Fewer say too little about the fixed part of the blackout. */
const SAMPLES_MIN = 3;
const FIXED_FLOOR_MS = 5;
const FIXED_CEILING_MS = 250;
/** Of a tight budget this much is left for memory, in milliseconds, as long as the blackout is expected to fit. */
const MEMORY_MS_MIN = 8;
/** Total time outside the rounds before anything was measured: start of QEMU on the destination, set-up, hand-over. */
export const OVERHEAD_MS = 250;
const OVERHEAD_MS_MAX = 60_000;
/** What each newer migration takes off the weight of an older rate. */
const AGEING = 0.98;
export const CORRECTION_MIN = 0.5;
export const CORRECTION_MAX = 2;
/** Of what was corrected before this much stays, and of each new error this much is added (logarithms): 86 % of a lasting error go. */
const CORRECTION_KEPT = 0.9;
const CORRECTION_ADDED = 0.6;

/** What is to be migrated: history is told apart by it. */
export interface LearningScope {
  readonly vm: VmName;
  readonly source: NodeName;
  readonly destination: NodeName;
  readonly encrypted: boolean;
}

export interface FixedBlackout {
  /** Rarely more than this (0.8 quantile): what a switchover is planned with. Milliseconds, {@link FIXED_FLOOR_MS} to {@link FIXED_CEILING_MS}. */
  readonly highMs: number;
  /** Usual (median): what is forecast. */
  readonly usualMs: number;
  /** Seldom less (0.25 quantile). A budget below it cannot be kept. */
  readonly lowMs: number;
  /** How many migrations that rests on; 0: it is a default. */
  readonly migrations: number;
}

export interface Learned {
  /** Sustained rate between the two nodes, in bytes per second; null if it was never measured. */
  readonly link: { readonly bytesPerSecond: number; readonly migrations: number } | null;
  readonly fixedBlackout: FixedBlackout;
  /** Total time outside the rounds, in milliseconds. */
  readonly overheadMs: number;
  /** Measured total time over forecast total time of this VM, 0.5 to 2; 1 if nothing is known. */
  readonly correction: number;
  /** Of this VM between any nodes, newest first: for a forecast without any other figure. */
  readonly ofVm: readonly PastMigration[];
}

/**
 * The fixed part that a switchover is planned with, in milliseconds. Where the budget is tight, the usual one instead of the one that is
 * rarely exceeded: an idle guest rewrites some pages all the time as well, and less than {@link MEMORY_MS_MIN} for them would never come.
 */
export function plannedFixedMs({ highMs, usualMs }: FixedBlackout, budgetMs: number): number {
  return Math.max(usualMs, Math.min(highMs, budgetMs - MEMORY_MS_MIN));
}

/** `migrations`: receipts by id, as stored. Ids sort by time. */
export function learn(migrations: ReadonlyMap<MigrationId, unknown>, scope: LearningScope): Learned {
  const past = completedMigrations(migrations);
  const between = past.filter((one) => connects(one, scope));
  const ofVm = past.filter((one) => one.vm === scope.vm);
  const overheads = between.filter((one) => !one.waited && one.rounds.length > 0).map(overheadOf);
  return {
    link: linkRate(between, scope.encrypted),
    fixedBlackout: fixedBlackout(between),
    overheadMs: quantile(overheads.slice(0, SAMPLES_MAX), 0.5) ?? OVERHEAD_MS,
    correction: correctionOf(ofVm),
    ofVm,
  };
}

/** Links carry as much in one direction as in the other, so that both directions are learned from. */
function connects(one: PastMigration, { source, destination }: LearningScope): boolean {
  return (
    (one.source === source && one.destination === destination) ||
    (one.source === destination && one.destination === source)
  );
}

/** The best sustained rate: a round below it was held up by the guest, the processors or a limit, not by the link. */
function linkRate(between: readonly PastMigration[], encrypted: boolean): Learned['link'] {
  const rates = between
    .filter((one) => one.encrypted === encrypted && one.uncompressed)
    .flatMap((one) => sustainedRate(one) ?? []);
  if (rates.length === 0) return null;
  const aged = rates.map((rate, age) => rate * AGEING ** age);
  return { bytesPerSecond: Math.max(...aged), migrations: rates.length };
}

function fixedBlackout(between: readonly PastMigration[]): FixedBlackout {
  const samples = between.flatMap((one) => fixedPartMs(one) ?? []).slice(0, SAMPLES_MAX);
  const [highMs, usualMs, lowMs] = [quantile(samples, 0.8), quantile(samples, 0.5), quantile(samples, 0.25)];
  if (samples.length < SAMPLES_MIN || highMs === null || usualMs === null || lowMs === null) {
    return { highMs: FIXED_BLACKOUT_MS, usualMs: FIXED_BLACKOUT_MS, lowMs: FIXED_BLACKOUT_MS / 2, migrations: 0 };
  }
  return { highMs, usualMs, lowMs, migrations: samples.length };
}

/**
 * The blackout less the time for the memory in it. The receipt's last row ends when the guest stops, but its bytes are QEMU's
 * totals: what was sent beyond the remainder of the row before went over while the guest stood still.
 * Rounds in between would count as well, so at most half of the blackout is taken to be memory: rather too much is called fixed.
 */
function fixedPartMs({ blackoutMs, rounds }: PastMigration): number | null {
  if (blackoutMs === null) return null;
  const [before, last] = rounds.slice(-2);
  const rate = sustainedRate({ rounds });
  if (before === undefined || last === undefined || rate === null || rate === 0) {
    // All rounds in one row: how much of it was memory is not known. A short blackout counts as well, or only the long ones would.
    const leastMs = blackoutMs - FIRST_LIMIT_MS;
    const fixedMs = leastMs > FIXED_BLACKOUT_MS ? leastMs : Math.min(blackoutMs, FIXED_BLACKOUT_MS);
    return clamp(fixedMs, FIXED_FLOOR_MS, FIXED_CEILING_MS);
  }
  const memoryMs = (Math.max(0, last.sentBytes - before.remainingBytes) / rate) * 1000;
  return clamp(blackoutMs - Math.min(memoryMs, blackoutMs / 2), FIXED_FLOOR_MS, FIXED_CEILING_MS);
}

function overheadOf({ totalMs, rounds }: PastMigration): number {
  const roundsMs = rounds.reduce((sum, round) => sum + round.durationMs, 0);
  return clamp(totalMs - roundsMs, 0, OVERHEAD_MS_MAX);
}

/**
 * The recorded forecasts were corrected themselves, so each new error adds to the correction before it; older ones fade, so that it does
 * not matter which receipts are still there.
 */
function correctionOf(ofVm: readonly PastMigration[]): number {
  let logarithm = 0;
  for (const { forecastTotalMs, totalMs, waited } of ofVm.toReversed()) {
    if (forecastTotalMs === null || forecastTotalMs <= 0 || totalMs <= 0 || waited) continue;
    const error = Math.log(clamp(totalMs / forecastTotalMs, 0.25, 4));
    logarithm = CORRECTION_KEPT * logarithm + CORRECTION_ADDED * error;
  }
  return clamp(Math.exp(logarithm), CORRECTION_MIN, CORRECTION_MAX);
}

/** Nearest rank from below, so that of few samples the extreme one does not decide. null without samples. */
function quantile(samples: readonly number[], fraction: number): number | null {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.floor(fraction * (sorted.length - 1))] ?? null;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
