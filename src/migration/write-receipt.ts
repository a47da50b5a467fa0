import type { MigrationIntent } from '../model/intent.ts';
import type { Aborting } from './migration.ts';
import { MIGRATION_PHASES, type MigrationPhase } from './phases.ts';
import type { Decision, PhaseTiming, Receipt, Round } from './receipt.ts';

/** Wall times in milliseconds, of the source's clock unless said otherwise; null where it was not seen. */
export interface SwitchoverTimes {
  readonly stoppedAtMs: number | null;
  readonly deviceAtMs: number | null;
  readonly completedAtMs: number | null;
  /** Destination's clock. */
  readonly goReceivedAtMs: number | null;
  /** Destination's clock. */
  readonly resumedAtMs: number | null;
}

/** What the source's agent noted along the way. */
export interface MeasuredMigration {
  readonly intent: MigrationIntent;
  readonly memoryBytes: number;
  /** Budget that held in the end, in milliseconds. */
  readonly budgetUsedMs: number;
  readonly phase: MigrationPhase;
  readonly aborting: Aborting | null;
  readonly endedAtMs: number;
  readonly phaseStartsMs: Readonly<Partial<Record<MigrationPhase, number>>>;
  readonly rounds: readonly Round[];
  readonly times: SwitchoverTimes;
  /** Destination's clock minus source's, in milliseconds, and how far off that may be; null if it was not measured. */
  readonly clock: { readonly offsetMs: number; readonly errorMs: number } | null;
  readonly transferredBytes: number | null;
  readonly decisions: readonly Decision[];
  /** Whether the source's agent was restarted on the way, so that some events were seen by nobody. */
  readonly agentRestarted: boolean;
}

/** Of a migration that ended before its destination was ready; `complete-receipt.ts` has the others. */
const NO_TRAFFIC = 'the migration ended before the traffic was to be moved';
const CONNECTIONS_UNKNOWN = 'nothing on the nodes follows the connections of guests';

/** The receipt of a migration that has ended. Pure: figures in, figures out. */
export function writeReceipt(measured: MeasuredMigration): Receipt {
  const { intent, aborting, clock } = measured;
  const startedAtMs = Date.parse(intent.requestedAt);
  const notMeasured: Record<string, string> = {
    networkGapMs: NO_TRAFFIC,
    'network.framesHeld': NO_TRAFFIC,
    'network.framesReplayed': NO_TRAFFIC,
    'network.framesLost': NO_TRAFFIC,
    'network.framesDuplicated': NO_TRAFFIC,
    'network.connectionsKept': CONNECTIONS_UNKNOWN,
  };
  const blackout = blackoutParts(measured, notMeasured);
  for (const [part, value] of Object.entries(intent.forecast)) {
    if (value === null) notMeasured[`forecast.${part}`] = intent.forecast.reason;
  }
  if (clock === null) notMeasured['clockErrorMs'] = "the two agents' clocks were not compared";
  if (measured.transferredBytes === null) notMeasured['transferredBytes'] = 'QEMU was not there to be asked';
  return {
    id: intent.migrationId,
    vm: intent.vm,
    source: intent.source,
    destination: intent.destination,
    mode: 'live',
    outcome: aborting?.outcome ?? 'completed',
    reason: aborting?.reason ?? null,
    endedIn: measured.phase,
    startedAt: intent.requestedAt,
    endedAt: isoTime(measured.endedAtMs),
    totalMs: round3(measured.endedAtMs - startedAtMs),
    blackoutMs: blackout.totalMs,
    networkGapMs: null,
    budgetMs: intent.budgetMs,
    phases: phaseTimings(measured),
    rounds: measured.rounds,
    blackout: blackout.parts,
    network: {
      ...{ framesHeld: null, framesReplayed: null, framesLost: null, framesDuplicated: null, connectionsKept: null },
      ...{ method: null, methodReason: null, probe: null },
    },
    transferredBytes: measured.transferredBytes,
    memoryBytes: measured.memoryBytes,
    encrypted: intent.encrypted,
    compression: intent.compression,
    budgetUsedMs: measured.budgetUsedMs,
    complete: true,
    clockErrorMs: clock === null ? null : round3(clock.errorMs),
    forecast: intent.forecast,
    decisions: [...measured.decisions, ...overBudget(measured, blackout.totalMs)],
    notMeasured,
  };
}

/** A budget is never exceeded silently. */
function overBudget(measured: MeasuredMigration, blackoutMs: number | null): Decision[] {
  const { budgetMs, budgetMaxMs } = measured.intent;
  if (blackoutMs === null || blackoutMs <= budgetMs) return [];
  const why = measured.agentRestarted
    ? 'an agent was restarted in the middle of the switchover'
    : 'what was left of the memory was expected to fit; the switchover took longer than QEMU had estimated';
  const allowed =
    budgetMaxMs <= budgetMs
      ? 'the user had not allowed more'
      : blackoutMs <= budgetMaxMs
        ? `the user had allowed up to ${budgetMaxMs} ms`
        : `this is also more than the ${budgetMaxMs} ms that the user had allowed at most`;
  // Within a budget that was widened on purpose nothing went wrong.
  const text = blackoutMs <= measured.budgetUsedMs ? allowed : `${allowed}; ${why}`;
  const at = isoTime(measured.endedAtMs);
  return [{ at, what: 'over budget', why: `${blackoutMs} ms instead of ${budgetMs} ms: ${text}` }];
}

function blackoutParts(measured: MeasuredMigration, notMeasured: Record<string, string>) {
  const { times, clock, agentRestarted } = measured;
  const onSourceClock = (ms: number | null) => (ms === null || clock === null ? null : ms - clock.offsetMs);
  const resumedAtMs = onSourceClock(times.resumedAtMs);
  const goReceivedAtMs = onSourceClock(times.goReceivedAtMs);
  const parts = {
    stopToLastPageMs: between(times.stoppedAtMs, times.deviceAtMs),
    deviceStateMs: between(times.deviceAtMs, times.completedAtMs),
    stopToCompletedMs: between(times.stoppedAtMs, times.completedAtMs),
    goMs: between(times.completedAtMs, goReceivedAtMs),
    resumeMs: between(times.goReceivedAtMs, times.resumedAtMs),
  };
  const totalMs = between(times.stoppedAtMs, resumedAtMs);
  const unseen = whyUnseen(measured, agentRestarted);
  if (totalMs === null) notMeasured['blackoutMs'] = unseen;
  for (const [part, value] of Object.entries(parts)) {
    if (value !== null) continue;
    const split = part === 'stopToLastPageMs' || part === 'deviceStateMs';
    notMeasured[`blackout.${part}`] =
      split && parts.stopToCompletedMs !== null
        ? 'this QEMU reports no event between the last page and the device state; see stopToCompletedMs'
        : unseen;
  }
  return { parts, totalMs };
}

function whyUnseen(measured: MeasuredMigration, agentRestarted: boolean): string {
  if (measured.times.stoppedAtMs === null && measured.aborting !== null) return 'the guest was never stopped';
  if (measured.times.resumedAtMs === null) return 'the guest never ran on the destination';
  if (agentRestarted) return "the source's agent was restarted on the way and did not see every event";
  return "the two agents' clocks were not compared";
}

/** The phases that have begun, each until the next one began. */
export function phaseTimings(measured: MeasuredMigration): PhaseTiming[] {
  const begun = MIGRATION_PHASES.flatMap(({ phase }) => {
    const startMs = measured.phaseStartsMs[phase];
    return startMs === undefined ? [] : [{ phase, startMs }];
  });
  return begun.map(({ phase, startMs }, index) => ({
    name: phase,
    startedAt: isoTime(startMs),
    durationMs: round3((begun[index + 1]?.startMs ?? measured.endedAtMs) - startMs),
  }));
}

function between(fromMs: number | null, toMs: number | null): number | null {
  return fromMs === null || toMs === null ? null : round3(Math.max(0, toMs - fromMs));
}

/** Microseconds: what QEMU's events resolve. */
function round3(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function isoTime(wallMs: number): string {
  return isoDate(Math.floor(wallMs));
}

/** ISO 8601 in UTC, from milliseconds since 1970; `new Date(number)` reads no clock. */
export function isoDate(wallMs: number): string {
  // biome-ignore lint: a conversion, not a look at the clock
  return new Date(wallMs).toISOString();
}
