import type { MigrationIntent } from '../model/intent.ts';
import type { Clock } from '../ports/clock.ts';
import type { TransferSnapshot } from '../ports/hypervisor.ts';
import type { Aborting, MigrationProgress } from '../migration/migration.ts';
import type { MigrationPhase } from '../migration/phases.ts';
import type { Decision, PhaseTiming, Round } from '../migration/receipt.ts';
import { isoDate, type MeasuredMigration, phaseTimings, type SwitchoverTimes } from '../migration/write-receipt.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface MigrationNotesInput {
  readonly intent: MigrationIntent;
  readonly memoryBytes: number;
  readonly agentRestarted: boolean;
  readonly clock: Clock;
  /** Phases that the agent had entered before it was restarted, as the progress in the store has them. */
  readonly phasesBefore?: readonly PhaseTiming[];
}

/** What the source's agent notes along the way; the receipt and the progress are written from it. */
export class MigrationNotes {
  readonly intent: MigrationIntent;
  readonly memoryBytes: number;
  readonly agentRestarted: boolean;
  readonly times: Mutable<SwitchoverTimes> = {
    stoppedAtMs: null,
    deviceAtMs: null,
    completedAtMs: null,
    goReceivedAtMs: null,
    resumedAtMs: null,
  };
  clock: { readonly offsetMs: number; readonly errorMs: number } | null = null;
  transferredBytes: number | null = null;
  /** Budget that holds: wider than the intent's once the policy widened it. Milliseconds. */
  budgetUsedMs: number;
  readonly rounds: Round[] = [];
  readonly decisions: Decision[] = [];
  readonly #clock: Clock;
  readonly #phaseStartsMs: Partial<Record<MigrationPhase, number>> = {};
  #roundStartedAtMs: number | null = null;
  #sentBeforeBytes = 0;
  #roundBegun = 0;

  constructor(input: MigrationNotesInput) {
    this.intent = input.intent;
    this.memoryBytes = input.memoryBytes;
    this.agentRestarted = input.agentRestarted;
    this.budgetUsedMs = input.intent.budgetMs;
    this.#clock = input.clock;
    this.#phaseStartsMs['pre-migration'] = Date.parse(input.intent.requestedAt);
    for (const { name, startedAt } of input.phasesBefore ?? []) this.enter(name, Date.parse(startedAt));
  }

  hasEntered(phase: MigrationPhase): boolean {
    return this.#phaseStartsMs[phase] !== undefined;
  }

  /** One that is gone through again, after a restart of the agent, has begun when it was entered first. */
  enter(phase: MigrationPhase, atMs: number): void {
    this.#phaseStartsMs[phase] ??= atMs;
  }

  decide(what: string, why: string): void {
    this.decisions.push({ at: isoDate(this.#clock.wallMs()), what, why });
  }

  /** QEMU began a round. The figures of the one before are asked for by the caller, who passes them to {@link roundEnded}. */
  roundBegan(round: number, atMs: number): void {
    this.#roundStartedAtMs ??= atMs;
    this.#roundBegun = Math.max(this.#roundBegun, round);
  }

  /**
   * The agent was restarted in the middle of a round: what QEMU had sent by then was not timed, and as part of a row it would make the link
   * look many times faster than it is. The first row has what is sent from now on.
   */
  resumed(figures: TransferSnapshot, atMs: number): void {
    this.#sentBeforeBytes = figures.transferredBytes;
    this.roundBegan(figures.round, atMs);
  }

  /**
   * The rounds up to `round` have ended with these figures. QEMU runs through the rounds of an idle guest within a
   * millisecond, so one row may stand for several rounds; it has the number of the last.
   */
  roundEnded(round: number, atMs: number, figures: TransferSnapshot): Round {
    const durationMs = Math.max(0.001, atMs - (this.#roundStartedAtMs ?? atMs));
    const sentBytes = Math.max(0, figures.transferredBytes - this.#sentBeforeBytes);
    const row: Round = {
      round,
      durationMs: Math.round(durationMs * 1000) / 1000,
      sentBytes,
      remainingBytes: figures.remainingBytes,
      dirtyBytesPerSecond: figures.dirtyBytesPerSecond > 0 ? figures.dirtyBytesPerSecond : null,
      bandwidthBytesPerSecond: Math.round((sentBytes / durationMs) * 1000),
    };
    this.rounds.push(row);
    this.transferredBytes = figures.transferredBytes;
    this.#sentBeforeBytes = figures.transferredBytes;
    this.#roundStartedAtMs = atMs;
    return row;
  }

  /** After the end: QEMU's totals close the last row, which lasted until the guest was stopped. */
  transferEnded(figures: TransferSnapshot): void {
    this.transferredBytes = figures.transferredBytes;
    const endedAtMs = this.times.stoppedAtMs ?? this.times.completedAtMs;
    if (endedAtMs === null || this.#roundBegun === 0) return;
    if ((this.rounds.at(-1)?.round ?? 0) >= figures.round) return;
    this.roundEnded(Math.max(figures.round, this.#roundBegun), endedAtMs, { ...figures, remainingBytes: 0 });
  }

  measured(phase: MigrationPhase, aborting: Aborting | null): MeasuredMigration {
    const { intent, memoryBytes, budgetUsedMs, rounds, times, clock, transferredBytes, decisions, agentRestarted } =
      this;
    const phaseStartsMs = this.#phaseStartsMs;
    const endedAtMs = this.#clock.wallMs();
    return {
      ...{ intent, memoryBytes, budgetUsedMs, phase, aborting, endedAtMs, phaseStartsMs, rounds },
      ...{ times, clock, transferredBytes, decisions, agentRestarted },
    };
  }

  /** The phases so far, the last one until now. */
  timings(phase: MigrationPhase): { readonly phases: MigrationProgress['phases'] } {
    return { phases: phaseTimings(this.measured(phase, null)) };
  }

  progress(
    phase: MigrationPhase,
    figures: TransferSnapshot | null,
    phases: MigrationProgress['phases'],
  ): MigrationProgress {
    const { intent } = this;
    const bandwidth = figures?.bandwidthBytesPerSecond ?? 0;
    return {
      id: intent.migrationId,
      vm: intent.vm,
      source: intent.source,
      destination: intent.destination,
      mode: 'live',
      phase,
      startedAt: intent.requestedAt,
      elapsedMs: Math.max(0, this.#clock.wallMs() - Date.parse(intent.requestedAt)),
      budgetMs: this.budgetUsedMs,
      memoryBytes: this.memoryBytes,
      transferredBytes: figures?.transferredBytes ?? 0,
      remainingBytes: figures?.remainingBytes ?? this.memoryBytes,
      bandwidthBytesPerSecond: bandwidth,
      remainingMs: figures === null || bandwidth === 0 ? null : (figures.remainingBytes / bandwidth) * 1000,
      phases,
      rounds: [...this.rounds],
      decisions: [...this.decisions],
      outcome: null,
    };
  }
}
