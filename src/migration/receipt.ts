import type { MigrationForecast, TransferCompression } from '../model/intent.ts';
import type { MigrationId, NodeName, VmName } from '../model/names.ts';
import type { MigrationOutcome, MigrationPhase } from './phases.ts';

/** One iteration of pre-copy, as QEMU on the source reported it. Bytes, milliseconds. */
export interface Round {
  /** From 1. */
  readonly round: number;
  readonly durationMs: number;
  /** Sent in this round. */
  readonly sentBytes: number;
  /** Dirty memory not yet sent when the round ended. */
  readonly remainingBytes: number;
  /** Rate at which the guest dirtied memory; null while QEMU has not measured it (it needs a round of >= 1 s). */
  readonly dirtyBytesPerSecond: number | null;
  readonly bandwidthBytesPerSecond: number;
}

export interface PhaseTiming {
  readonly name: MigrationPhase;
  /** ISO time. */
  readonly startedAt: string;
  readonly durationMs: number;
}

export interface Decision {
  readonly at: string;
  readonly what: string;
  readonly why: string;
}

/** The parts of the blackout, in milliseconds; null where it was not measured (`notMeasured` says why). */
export interface BlackoutParts {
  /** Source STOP until the last memory page was sent. */
  readonly stopToLastPageMs: number | null;
  /** From there until the source's QEMU reports `completed`: the device state. */
  readonly deviceStateMs: number | null;
  /** Source STOP until `completed`: the two above together. */
  readonly stopToCompletedMs: number | null;
  /** `completed` at the source until the destination's agent has GO. */
  readonly goMs: number | null;
  /** GO until the guest runs on the destination. */
  readonly resumeMs: number | null;
}

/**
 * How a client found the guest around its stop: one entry per request of the probe, in both lists, in milliseconds. At most 300 requests,
 * from 0.4 s before the stop until about half a second after the end; the longest wait is always among them.
 */
export interface ClientView {
  /** When it was sent, from the guest's stop on the source on; negative before it. */
  readonly atMs: readonly number[];
  /** Until the guest was heard again: the next answer to any request; null if it was not. */
  readonly latencyMs: readonly (number | null)[];
}

/**
 * The receipt: what was measured, forecast and decided in one migration. Part of the public
 * contract; a value that was not measured is null and `notMeasured` has its path and the reason.
 */
export interface Receipt {
  readonly id: MigrationId;
  readonly vm: VmName;
  readonly source: NodeName;
  readonly destination: NodeName;
  readonly mode: 'live' | 'quick' | 'offline';
  readonly outcome: MigrationOutcome;
  /** Why it ended like this; null for `completed`. */
  readonly reason: string | null;
  /** The phase in which it ended. */
  readonly endedIn: MigrationPhase;
  readonly startedAt: string;
  readonly endedAt: string;
  /** From the request until the owner was recorded. */
  readonly totalMs: number;
  readonly blackoutMs: number | null;
  readonly networkGapMs: number | null;
  readonly budgetMs: number;
  readonly phases: readonly PhaseTiming[];
  readonly rounds: readonly Round[];
  readonly blackout: BlackoutParts;
  readonly network: {
    readonly framesHeld: number | null;
    readonly framesReplayed: number | null;
    readonly framesLost: number | null;
    /** Of the held ones, those the guest had on the source already. */
    readonly framesDuplicated: number | null;
    /** Open TCP connections that were there before and after; null where nobody counts them. */
    readonly connectionsKept: number | null;
    /** How the traffic was moved: `mirror` loses no frame; `announcement` is what is left where the kernel lacks a piece. Null: it was not moved. */
    readonly method: 'mirror' | 'announcement' | null;
    /** Why this method. */
    readonly methodReason: string | null;
    readonly probe: {
      readonly kind: string;
      readonly intervalMs: number;
      /** Absent where it was not recorded: `notMeasured` says why, except in receipts of older versions. */
      readonly samples?: ClientView;
      /** When `networkGapMs` began, in milliseconds from the guest's stop on: the longest silence may be at another time. Absent as `samples`. */
      readonly gapAtMs?: number;
    } | null;
  };
  /** Memory and device state sent, by QEMU's count. */
  readonly transferredBytes: number | null;
  readonly memoryBytes: number;
  readonly encrypted: boolean;
  readonly compression: TransferCompression;
  /** Budget that held in the end: wider than `budgetMs` only if the user allowed it and it was needed. */
  readonly budgetUsedMs: number;
  /** False for about a second after the end, while the network gap is still being measured; then the receipt is written once more. */
  readonly complete: boolean;
  /** How far apart the two agents' clocks may be beyond the measured offset, in milliseconds; part of every figure that spans both. */
  readonly clockErrorMs: number | null;
  readonly forecast: MigrationForecast;
  readonly decisions: readonly Decision[];
  readonly notMeasured: Readonly<Record<string, string>>;
}
