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
