import { Type } from 'typebox';
import { MIGRATION_PHASES, type MigrationPhase } from '../migration/phases.ts';
import { bytes, exact, isoTime, list, ms, nullable, oneOf, rate } from './shapes.ts';

const PHASES = MIGRATION_PHASES.map((row) => row.phase) as MigrationPhase[];

export const phaseSchema = Type.Enum(PHASES, { type: 'string' });
export const outcomeSchema = oneOf(['completed', 'cancelled', 'failed']);

const phaseTimingSchema = exact({ name: phaseSchema, startedAt: isoTime, durationMs: ms });

const roundSchema = exact({
  round: Type.Integer(),
  durationMs: ms,
  sentBytes: Type.Number(),
  remainingBytes: Type.Number(),
  dirtyBytesPerSecond: nullable(rate),
  bandwidthBytesPerSecond: rate,
});

export const compressionSchema = oneOf(['none', 'xbzrle', 'multifd-zstd']);

/** What was expected before the start: `src/model/intent.ts` explains every field. */
export const forecastSchema = exact({
  totalMs: nullable(ms),
  blackoutMs: nullable(ms),
  converges: nullable(Type.Boolean()),
  reason: Type.String(),
});

const decisionSchema = exact({ at: isoTime, what: Type.String(), why: Type.String() });

/** `ClientView` in `src/migration/receipt.ts` explains both. */
const clientViewSchema = exact({ atMs: list(ms), latencyMs: list(nullable(ms)) });

/** The receipt of a migration that ended: `src/migration/receipt.ts` explains every field. */
export const receiptSchema = exact({
  id: Type.String(),
  vm: Type.String(),
  source: Type.String(),
  destination: Type.String(),
  mode: oneOf(['live', 'quick', 'offline']),
  outcome: outcomeSchema,
  reason: nullable(Type.String()),
  endedIn: phaseSchema,
  startedAt: isoTime,
  endedAt: isoTime,
  totalMs: ms,
  blackoutMs: nullable(ms),
  networkGapMs: nullable(ms),
  budgetMs: ms,
  phases: list(phaseTimingSchema),
  rounds: list(roundSchema),
  blackout: exact({
    stopToLastPageMs: nullable(ms),
    deviceStateMs: nullable(ms),
    stopToCompletedMs: nullable(ms),
    goMs: nullable(ms),
    resumeMs: nullable(ms),
  }),
  network: exact({
    framesHeld: nullable(Type.Integer()),
    framesReplayed: nullable(Type.Integer()),
    framesLost: nullable(Type.Integer()),
    framesDuplicated: nullable(Type.Integer()),
    connectionsKept: nullable(Type.Integer()),
    method: nullable(oneOf(['mirror', 'announcement'])),
    methodReason: nullable(Type.String()),
    probe: nullable(
      exact({
        kind: Type.String(),
        intervalMs: ms,
        samples: Type.Optional(clientViewSchema),
        gapAtMs: Type.Optional(ms),
      }),
    ),
  }),
  transferredBytes: nullable(Type.Number()),
  memoryBytes: bytes,
  encrypted: Type.Boolean(),
  compression: compressionSchema,
  budgetUsedMs: ms,
  complete: Type.Boolean(),
  clockErrorMs: nullable(ms),
  forecast: forecastSchema,
  decisions: list(decisionSchema),
  notMeasured: Type.Record(Type.String(), Type.String()),
});

/** An open migration: `src/migration/migration.ts` explains every field. */
export const progressSchema = exact({
  id: Type.String(),
  vm: Type.String(),
  source: Type.String(),
  destination: Type.String(),
  mode: oneOf(['live']),
  phase: phaseSchema,
  startedAt: isoTime,
  elapsedMs: ms,
  budgetMs: ms,
  memoryBytes: bytes,
  transferredBytes: Type.Number(),
  remainingBytes: Type.Number(),
  bandwidthBytesPerSecond: rate,
  remainingMs: nullable(ms),
  phases: list(phaseTimingSchema),
  rounds: list(roundSchema),
  decisions: list(decisionSchema),
  outcome: nullable(outcomeSchema),
});
