import {
  type ConvergenceDecision,
  decideConvergence,
  firstLimitMs,
  largestLimitMs,
  memoryBlackoutMs,
  limitForQemu,
} from '../migration/convergence-policy.ts';
import { budgetTooSmall } from '../migration/forecast.ts';
import { type FixedBlackout, plannedFixedMs } from '../migration/learn.ts';
import type { MigrationObservation } from '../migration/migration.ts';
import type { Instance, TransferParameters } from '../ports/hypervisor.ts';
import type { Log } from '../ports/log.ts';
import type { MigrationNotes } from './migration-notes.ts';

export interface SteeringInput {
  /** QEMU on this node; null if it is gone. */
  readonly instance: Instance | null;
  readonly notes: MigrationNotes;
  /** Shared with the driver; `gaveUp` and `expectedBlackoutMs` are set here. */
  readonly seen: Pick<MigrationObservation, 'guestRunsOnSource'> & {
    gaveUp: string | null;
    expectedBlackoutMs: number;
  };
  /** What the cluster measured of the part of the blackout that does not depend on the memory left. */
  readonly fixedBlackout: FixedBlackout;
  readonly log: Log;
  /** Called after a decision, so that the driver looks again. */
  readonly wake: () => void;
}

/**
 * Follows the rounds of one transfer: asks QEMU for the figures of each round that ended, asks the policy, and does what it says.
 * Nothing is asked once the guest stands still.
 */
export class ConvergenceSteering {
  readonly #input: SteeringInput;
  readonly #fixedMs: number;
  /** What the policy allows for the memory that is left. */
  #downtimeLimitMs: number;
  #throttlePercentMax = 0;
  #xbzrleCacheBytes = 0;
  #steppedAtRound = -1;
  /** The newest round that ended and whose figures were not asked for yet. */
  #ended: { readonly round: number; readonly atMs: number } | null = null;
  #asking = false;

  constructor(input: SteeringInput) {
    const { intent } = input.notes;
    this.#input = input;
    this.#fixedMs = plannedFixedMs(input.fixedBlackout, intent.budgetMs);
    this.#downtimeLimitMs = firstLimitMs(intent.budgetMs, this.#fixedMs);
    input.seen.expectedBlackoutMs = this.#fixedMs + this.#downtimeLimitMs;
    this.#startBudget();
  }

  /** What QEMU is to have as its downtime limit now, in milliseconds. */
  get qemuLimitMs(): number {
    return limitForQemu(this.#downtimeLimitMs, this.#input.notes.intent.compression);
  }

  /** QEMU began `round`, counted from 1: the one before has ended. */
  roundBegan(round: number, atMs: number): void {
    this.#input.notes.roundBegan(round, atMs);
    if (round <= 1 || !this.#input.seen.guestRunsOnSource) return;
    this.#ended = { round: round - 1, atMs };
    void this.#askRound();
  }

  /** After a restart of the agent: what its predecessor allowed QEMU is unknown, so QEMU gets this one's limit. */
  async resume(): Promise<void> {
    await this.#set({ downtimeLimitMs: this.qemuLimitMs });
  }

  /** An idle guest is switched over before a round is heard of: what no rounds can help is decided before the transfer. */
  #startBudget(): void {
    const { notes, seen, fixedBlackout } = this.#input;
    const { budgetMs, budgetMaxMs } = notes.intent;
    const hopeless = budgetTooSmall({ fixedBlackout }, budgetMaxMs);
    if (hopeless !== null) {
      seen.gaveUp = hopeless;
      return;
    }
    const tooSmall = budgetTooSmall({ fixedBlackout }, budgetMs);
    if (tooSmall === null) return;
    const widenedMs = Math.min(budgetMaxMs, Math.ceil(this.#fixedMs + this.#downtimeLimitMs));
    this.#carryOut({
      action: 'widen-budget',
      budgetMs: widenedMs,
      downtimeLimitMs: largestLimitMs(widenedMs, this.#fixedMs),
      reason: `${tooSmall}; the user allowed up to ${budgetMaxMs} ms`,
    });
  }

  async #askRound(): Promise<void> {
    const { instance, seen, notes, log } = this.#input;
    if (this.#asking || instance === null) return;
    this.#asking = true;
    try {
      while (this.#ended !== null && seen.guestRunsOnSource) {
        const { round, atMs } = this.#ended;
        this.#ended = null;
        const figures = await instance.transfer();
        if (figures.status !== 'active' || !seen.guestRunsOnSource) return;
        notes.roundEnded(round, atMs, figures);
        await this.#converge();
      }
    } catch (error) {
      log.debug('No figures of a round', { error });
    } finally {
      this.#asking = false;
    }
  }

  async #converge(): Promise<void> {
    const { notes, seen, wake } = this.#input;
    if (seen.gaveUp !== null) return;
    const { budgetMaxMs, compression } = notes.intent;
    // QEMU stops the guest only within its limit, however much the round before had left.
    const expectedMs = this.#fixedMs + memoryBlackoutMs(notes.rounds);
    seen.expectedBlackoutMs = Math.min(notes.budgetUsedMs, expectedMs);
    const decision = decideConvergence({
      rounds: notes.rounds,
      budgetMs: notes.budgetUsedMs,
      fixedBlackoutMs: this.#fixedMs,
      downtimeLimitMs: this.#downtimeLimitMs,
      throttlePercentMax: this.#throttlePercentMax,
      xbzrleCacheBytes: this.#xbzrleCacheBytes,
      memoryBytes: notes.memoryBytes,
      steppedAtRound: this.#steppedAtRound,
      ...{ budgetMaxMs, compression },
    });
    if (decision.action === 'next-round') return;
    this.#steppedAtRound = notes.rounds.length - 1;
    await this.#set(this.#carryOut(decision));
    wake();
  }

  /** Notes the decision and returns what QEMU is to be told. */
  #carryOut(decision: Exclude<ConvergenceDecision, { action: 'next-round' }>): TransferParameters {
    const { notes, seen } = this.#input;
    notes.decide(decision.action, decision.reason);
    switch (decision.action) {
      case 'give-up':
        seen.gaveUp = decision.reason;
        return {};
      case 'throttle':
        this.#throttlePercentMax = decision.throttlePercentMax;
        return { throttlePercentMax: decision.throttlePercentMax };
      case 'compress':
        this.#xbzrleCacheBytes = decision.xbzrleCacheBytes;
        return { xbzrleCacheBytes: decision.xbzrleCacheBytes };
      case 'widen-budget':
        notes.budgetUsedMs = decision.budgetMs;
        this.#downtimeLimitMs = decision.downtimeLimitMs;
        return { downtimeLimitMs: this.qemuLimitMs };
      case 'raise-limit':
        this.#downtimeLimitMs = decision.downtimeLimitMs;
        return { downtimeLimitMs: this.qemuLimitMs };
    }
  }

  async #set(parameters: TransferParameters): Promise<void> {
    if (Object.keys(parameters).length === 0) return;
    await this.#input.instance?.setTransferParameters(parameters);
  }
}
