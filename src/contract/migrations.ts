import { type Static, Type } from 'typebox';
import { compressionSchema, forecastSchema, progressSchema, receiptSchema } from './receipt.ts';
import { route } from './route.ts';
import { bytes, exact, isoTime, list, ms, nameParams, nullable, oneOf } from './shapes.ts';

/** A node the VM might move to, and all reasons against it. */
export const candidateSchema = exact({
  node: Type.String(),
  possible: Type.Boolean(),
  reasons: list(Type.String()),
  /** null while the node has not published its memory. */
  freeMemoryBytes: nullable(bytes),
});
export type Candidate = Static<typeof candidateSchema>;

export const migrationStartedSchema = exact({
  dryRun: Type.Literal(false),
  migrationId: Type.String(),
  vm: Type.String(),
  source: Type.String(),
  destination: Type.String(),
  /** Why this destination. */
  destinationReason: Type.String(),
  mode: oneOf(['live']),
  budgetMs: ms,
  /** To which the budget may be widened if the guest does not converge otherwise. */
  budgetMaxMs: ms,
  compression: compressionSchema,
  compressionReason: Type.String(),
  forecast: forecastSchema,
  bandwidthBytesPerSecond: nullable(Type.Number()),
  encrypted: Type.Boolean(),
  requestedAt: isoTime,
});
export type MigrationStarted = Static<typeof migrationStartedSchema>;

export const migrationDryRunSchema = exact({
  dryRun: Type.Literal(true),
  possible: Type.Boolean(),
  /** All that speaks against it, empty if it is possible. */
  reasons: list(Type.String()),
  vm: Type.String(),
  source: nullable(Type.String()),
  /** Named by the caller, or the one that would be chosen; null if there is none. */
  destination: nullable(Type.String()),
  candidates: list(candidateSchema),
  budgetMs: ms,
  budgetMaxMs: ms,
  compression: compressionSchema,
  compressionReason: Type.String(),
  /** null where nothing can be said. */
  forecast: forecastSchema,
});
export type MigrationDryRun = Static<typeof migrationDryRunSchema>;

export const migrateVm = route({
  method: 'POST',
  path: '/vms/:name/migrate',
  summary: 'Moves a running VM to another node, or says (dryRun) whether it could.',
  params: nameParams,
  body: exact({
    /** Destination; chosen by free memory if absent. */
    to: Type.Optional(Type.String()),
    /** live by default. */
    mode: Type.Optional(oneOf(['live', 'quick', 'offline'])),
    /** > 0; the VM's own budget by default. */
    budgetMs: Type.Optional(Type.Number()),
    /** At least the budget: to which it may be widened if the guest does not converge otherwise; as the VM allows it by default. */
    budgetMaxMs: Type.Optional(Type.Number()),
    /** > 0, null for none; the limits of both nodes and of the migration network hold besides. */
    bandwidthBytesPerSecond: Type.Optional(nullable(Type.Number())),
    /** Whether guest memory crosses the network under TLS; the cluster's setting by default. */
    encrypted: Type.Optional(Type.Boolean()),
    dryRun: Type.Optional(Type.Boolean()),
  }),
  response: { 200: migrationDryRunSchema, 202: migrationStartedSchema },
});
export type MigrateVmBody = Static<(typeof migrateVm)['body']>;

export const cancelMigration = route({
  method: 'POST',
  path: '/vms/:name/cancel',
  summary: "Cancels the VM's open migration; the guest keeps running on the source.",
  params: nameParams,
  response: { 202: exact({ migrationId: Type.String() }) },
});

/** An open migration with its progress, or an ended one with its receipt. */
export const migrationViewSchema = Type.Union([
  exact({ state: Type.Literal('open'), progress: progressSchema }),
  exact({ state: Type.Literal('ended'), receipt: receiptSchema }),
]);
export type MigrationView = Static<typeof migrationViewSchema>;

export const listMigrations = route({
  method: 'GET',
  path: '/migrations',
  summary: 'All migrations, the newest first.',
  response: { 200: list(migrationViewSchema) },
});

export const getMigration = route({
  method: 'GET',
  path: '/migrations/:id',
  summary: 'One migration; the id "last" is the newest.',
  params: exact({ id: Type.String({ minLength: 1 }) }),
  response: { 200: migrationViewSchema },
});
