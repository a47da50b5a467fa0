import type { MigrationId, NodeName, VmName } from '../model/names.ts';
import type { MigrationOutcome, MigrationPhase } from './phases.ts';
import type { Decision, PhaseTiming, Round } from './receipt.ts';

/** What is shown of an open migration. Best effort: nothing decides on it. Key `progress/<id>`. */
export interface MigrationProgress {
  readonly id: MigrationId;
  readonly vm: VmName;
  readonly source: NodeName;
  readonly destination: NodeName;
  readonly mode: 'live';
  readonly phase: MigrationPhase;
  readonly startedAt: string;
  /** Since the request, in milliseconds. */
  readonly elapsedMs: number;
  readonly budgetMs: number;
  readonly memoryBytes: number;
  readonly transferredBytes: number;
  readonly remainingBytes: number;
  readonly bandwidthBytesPerSecond: number;
  /** Estimated time to the end, in milliseconds; null when it cannot be said. */
  readonly remainingMs: number | null;
  readonly phases: readonly PhaseTiming[];
  readonly rounds: readonly Round[];
  readonly decisions: readonly Decision[];
  /** Set when it ended. */
  readonly outcome: MigrationOutcome | null;
}

/** QEMU's migration status on the source, as far as the decisions tell it apart. */
export type SourceStatus =
  | 'none'
  | 'setup'
  | 'active'
  | 'pre-switchover'
  | 'device'
  | 'completed'
  | 'failed'
  | 'cancelling'
  | 'cancelled';

/** What the source's agent sees when it decides. Plain data: no clock, no handle. */
export interface MigrationObservation {
  /** Whether QEMU of this VM still exists on the source. */
  readonly sourceAlive: boolean;
  /** Whether the guest executes on the source now. */
  readonly guestRunsOnSource: boolean;
  readonly sourceStatus: SourceStatus;
  /**
   * The commit point was seen: QEMU on the source reported `completed` for this very transfer (by its event, or after
   * a restart of the agent by `completed` together with the run state `postmigrate`: a VM that once arrived here
   * by migration reports `completed` too, but it runs).
   */
  readonly committed: boolean;
  /** Whether `migrate` was given to QEMU in this migration. */
  readonly transferStarted: boolean;
  /** QEMU had a connection to the destination in this migration. Without one it cannot be cancelled: it waits for its connect to fail. */
  readonly connected: boolean;
  /** Since the guest stopped on the source, in milliseconds; null while it runs. */
  readonly stoppedForMs: number | null;
  /** Since QEMU last sent anything, or began to connect, in milliseconds; null before the transfer. */
  readonly silentForMs: number | null;
  /** What the destination's agent last said; `unknown` if it was not asked yet or does not answer. */
  readonly destination: 'unknown' | 'absent' | 'receiving' | 'loaded' | 'running' | 'dead';
  /** False only if it is certain that the destination's copy never executed the guest. */
  readonly destinationMayHaveRun: boolean;
  /** Whether phase 1's questions to QEMU and to the destination were answered well. */
  readonly sourceChecked: boolean;
  readonly destinationPrepared: boolean;
  /** The user's wish to stop, with the reason. */
  readonly cancelRequested: string | null;
  /** Why the transfer is not begun yet: others use the link. */
  readonly waitingFor: string | null;
  /** The convergence policy gave up, with the reason. */
  readonly gaveUp: string | null;
  /** Expected blackout when the switchover began, in milliseconds. */
  readonly expectedBlackoutMs: number;
}

/** QEMU on the source says no more than `failed`: its peer went away. */
export const TRANSFER_FAILED = 'QEMU lost the connection to the copy on the destination, or that copy ended';

export type MigrationCommand =
  | 'check-source'
  | 'prepare-destination'
  | 'start-transfer'
  | 'cancel-transfer'
  | 'ask-destination'
  | 'send-go'
  | 'retire-source'
  | 'hand-over-ownership'
  | 'discard-destination'
  | 'announce-source'
  | 'close-intent'
  | 'close-intent-and-continue-source'
  | 'close-intent-as-lost';

export interface Aborting {
  readonly outcome: Exclude<MigrationOutcome, 'completed'>;
  readonly reason: string;
}

/** Where a migration stands. In phases 4 and 5 it is derived from what is seen, never stored. */
export interface MigrationState {
  readonly phase: MigrationPhase;
  readonly aborting: Aborting | null;
  /** The destination was discarded, or could not be reached: without GO its copy never runs, and its agent removes it. */
  readonly destinationDiscarded: boolean;
  /** The guest stood still on the source in this migration and has not been announced since. */
  readonly announceNeeded: boolean;
}

export type PhaseDecision =
  | { readonly kind: 'wait'; readonly reason: string }
  | { readonly kind: 'run'; readonly command: MigrationCommand; readonly reason: string }
  | { readonly kind: 'advance'; readonly to: MigrationPhase; readonly reason: string }
  | { readonly kind: 'abort'; readonly outcome: Aborting['outcome']; readonly reason: string };

export type DecidePhase = (state: MigrationState, seen: MigrationObservation) => PhaseDecision;
