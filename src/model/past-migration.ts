// What is learned from the receipts of ended migrations. They come from the store as unknown values, also from other versions of
// Godwit: what is not as expected is left out, and nothing here throws.
import type { MigrationId, NodeName, VmName } from './names.ts';

/** Only the newest receipts count, so that the work is bounded and old links are forgotten. */
const RECEIPTS_MAX = 50;
/** A rate over less time than this is not sustained. */
const SUSTAINED_MS_MIN = 200;

interface PastRound {
  readonly durationMs: number;
  readonly sentBytes: number;
  readonly remainingBytes: number;
  readonly bandwidthBytesPerSecond: number;
}

/** The part of a completed migration's receipt that is learned from. */
export interface PastMigration {
  readonly id: MigrationId;
  readonly vm: VmName;
  readonly source: NodeName;
  readonly destination: NodeName;
  readonly totalMs: number;
  readonly blackoutMs: number | null;
  readonly rounds: readonly PastRound[];
  readonly encrypted: boolean;
  /** Memory went over as it is. */
  readonly uncompressed: boolean;
  readonly forecastTotalMs: number | null;
  /** It had to wait for others, so that its total time says nothing about itself. */
  readonly waited: boolean;
}

/** The newest receipts of completed migrations, newest first. */
export function completedMigrations(migrations: ReadonlyMap<MigrationId, unknown>): PastMigration[] {
  const newest = [...migrations.keys()].sort((a, b) => (a < b ? 1 : -1)).slice(0, RECEIPTS_MAX);
  return newest.flatMap((id) => pastMigration(id, migrations.get(id)) ?? []);
}

/** The best rate of a round that lasted, in bytes per second; null if none did. */
export function sustainedRate({ rounds }: Pick<PastMigration, 'rounds'>): number | null {
  const rates = rounds
    .filter((round) => round.durationMs >= SUSTAINED_MS_MIN)
    .map((round) => round.bandwidthBytesPerSecond);
  return rates.length === 0 ? null : Math.max(...rates);
}

function pastMigration(id: MigrationId, stored: unknown): PastMigration | null {
  if (!isObject(stored)) return null;
  const { vm, source, destination, outcome, mode, totalMs, blackoutMs, rounds, encrypted } = stored;
  if (typeof vm !== 'string' || typeof source !== 'string' || typeof destination !== 'string') return null;
  if (outcome !== 'completed' || mode !== 'live' || !isFigure(totalMs)) return null;
  const forecast = isObject(stored['forecast']) ? stored['forecast']['totalMs'] : null;
  const decisions: unknown[] = Array.isArray(stored['decisions']) ? stored['decisions'] : [];
  return {
    ...{ id, vm, source, destination, totalMs, encrypted: encrypted === true },
    blackoutMs: isFigure(blackoutMs) ? blackoutMs : null,
    rounds: Array.isArray(rounds) ? rounds.filter(isRound) : [],
    uncompressed: (stored['compression'] ?? 'none') === 'none',
    forecastTotalMs: isFigure(forecast) ? forecast : null,
    waited: decisions.some((decision) => isObject(decision) && decision['what'] === 'wait'),
  };
}

function isRound(value: unknown): value is PastRound {
  return (
    isObject(value) &&
    isFigure(value['durationMs']) &&
    isFigure(value['sentBytes']) &&
    isFigure(value['remainingBytes']) &&
    isFigure(value['bandwidthBytesPerSecond'])
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isFigure(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
