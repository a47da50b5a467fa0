/**
 * How long a migration will take and how long the guest will stand still, said before it starts.
 *
 * The model of Clark et al. (NSDI 2005): V0 = used memory; round i takes T_i = V_i / rate and leaves V_{i+1} = min(W, D * T_i), with the
 * dirty rate D and the writable working set W. After each round the convergence policy itself is asked, so
 * that forecast and migration decide alike.
 */
import type { MigrationForecast, TransferCompression } from '../model/intent.ts';
import { ASSUMED_LINK_BYTES_PER_SECOND, formatBytes } from '../model/units.ts';
import type { VmActivity } from '../model/vm.ts';
import { compressedRate } from './choose-compression.ts';
import {
  type ConvergenceInput,
  decideConvergence,
  firstLimitMs,
  FIXED_BLACKOUT_MS,
  type RoundFigures,
} from './convergence-policy.ts';
import { type Learned, plannedFixedMs } from './learn.ts';

/** Reading memory to find that a page is all zero, in bytes per second. */
const SCAN_BYTES_PER_SECOND = 4e9;
/** Not even an empty round is shorter: the dirty bitmap is read, and the stream is pushed out. */
const ROUND_MS_MIN = 3;
const ROUNDS_MAX = 500;
/** Migrations of the VM that a forecast without a sample rests on. */
const HISTORY_MAX = 5;

export interface ForecastInput {
  readonly memoryBytes: number;
  /** null: the guest has not been sampled. */
  readonly activity: VmActivity | null;
  readonly learned: Learned;
  /** Upper limit of the transfer rate; null for as fast as the link allows. */
  readonly bandwidthBytesPerSecond: number | null;
  readonly budgetMs: number;
  readonly budgetMaxMs: number;
  readonly compression: TransferCompression;
  /** Processors without a guest, on the node that has fewer of them. */
  readonly freeCores: number;
  readonly encrypted: boolean;
  /** Wall clock, in milliseconds since 1970: how old the sample is. */
  readonly nowMs: number;
}

/** What a transfer can use of the link, in bytes per second. */
export function usableRate(learned: Learned, limitBytesPerSecond: number | null): number {
  const link = learned.link?.bytesPerSecond ?? ASSUMED_LINK_BYTES_PER_SECOND;
  return Math.min(link, limitBytesPerSecond ?? Number.POSITIVE_INFINITY);
}

export function forecastMigration(input: ForecastInput): MigrationForecast {
  const { activity, learned, budgetMaxMs } = input;
  const hopeless = budgetTooSmall(learned, budgetMaxMs);
  if (activity === null) return fromHistory(input, hopeless);
  const transfer = simulate(input, activity);
  const totalMs = round1((learned.overheadMs + transfer.roundsMs) * learned.correction);
  const reason = [hopeless ?? transfer.why, ...restsOn(input, activity)].filter((part) => part !== null).join('; ');
  if (hopeless !== null) return { totalMs, blackoutMs: null, converges: false, reason };
  return {
    totalMs,
    blackoutMs: transfer.memoryMs === null ? null : round1(learned.fixedBlackout.usualMs + transfer.memoryMs),
    converges: activity.dirtyBytesPerSecond === null ? null : transfer.converges,
    reason,
  };
}

/** Fewer migrations are too few to refuse one because of them: a refused one teaches nothing. */
const SURE_SAMPLES = 8;

/** Why no switchover can keep this budget, however little memory is left; null if one can. */
export function budgetTooSmall(learned: Pick<Learned, 'fixedBlackout'>, budgetMaxMs: number): string | null {
  const { lowMs, migrations } = learned.fixedBlackout;
  if (lowMs <= budgetMaxMs || (migrations > 0 && migrations < SURE_SAMPLES)) return null;
  const take =
    migrations === 0
      ? `are taken to need at least ${lowMs} ms, as long as nothing is measured`
      : `took ${Math.round(lowMs)} ms or more in three of four of the last ${migrations} migrations between these nodes`;
  return `device state and GO alone ${take}; the budget is ${budgetMaxMs} ms`;
}

/** Without a sample: as the last migrations of this VM. */
function fromHistory({ learned, budgetMaxMs }: ForecastInput, hopeless: string | null): MigrationForecast {
  const unsampled = "the guest's memory has not been sampled yet";
  const newest = learned.ofVm.filter((one) => !one.waited).slice(0, HISTORY_MAX);
  const totals = newest.map((one) => one.totalMs);
  const blackouts = newest.flatMap((one) => one.blackoutMs ?? []);
  const [totalMs, blackoutMs] = [median(totals), median(blackouts)];
  if (hopeless !== null) return { totalMs, blackoutMs: null, converges: false, reason: hopeless };
  if (totalMs === null) {
    const reason = `${unsampled}, and no migration of this VM is known`;
    return { totalMs: null, blackoutMs: null, converges: null, reason };
  }
  const converges = blackoutMs === null ? null : blackoutMs <= budgetMaxMs || null;
  const last = totals.length === 1 ? 'last migration' : `last ${totals.length} migrations`;
  return { totalMs, blackoutMs, converges, reason: `${unsampled}: as in its ${last}` };
}

interface SimulatedTransfer {
  readonly roundsMs: number;
  /** Memory part of the blackout; null if it never comes to that. */
  readonly memoryMs: number | null;
  readonly converges: boolean;
  /** What the policy had to do for it; null if nothing. */
  readonly why: string | null;
}

function simulate(input: ForecastInput, activity: VmActivity): SimulatedTransfer {
  const { learned, memoryBytes, compression } = input;
  const link = usableRate(learned, input.bandwidthBytesPerSecond);
  const rateInput = { linkBytesPerSecond: link, freeCores: input.freeCores, encrypted: input.encrypted };
  const rate = compression === 'multifd-zstd' ? compressedRate(rateInput, activity.compressedRatio) : link;
  const dirty = activity.dirtyBytesPerSecond ?? 0;
  // A sample of one second: what the guest rewrites again and again is no larger, but it may rewrite it faster than is seen.
  const usedBytes = Math.min(memoryBytes, Math.max(activity.usedBytes, dirty));
  const fixedBlackoutMs = plannedFixedMs(learned.fixedBlackout, input.budgetMs);
  const policy = new PolicyInModel(input, fixedBlackoutMs);
  let leftBytes = usedBytes;
  let roundsMs = ((memoryBytes - usedBytes) / SCAN_BYTES_PER_SECOND) * 1000;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const durationMs = Math.max(ROUND_MS_MIN, (leftBytes / rate) * 1000);
    roundsMs += durationMs;
    leftBytes = Math.min(usedBytes, (dirty * policy.guestSpeed * durationMs) / 1000);
    const memoryMs = (leftBytes / rate) * 1000;
    if (memoryMs <= policy.state.downtimeLimitMs) {
      return { roundsMs, memoryMs, converges: true, why: policy.why };
    }
    policy.ask({
      durationMs,
      remainingBytes: leftBytes,
      bandwidthBytesPerSecond: rate,
      dirtyBytesPerSecond: dirty * policy.guestSpeed,
    });
    if (policy.gaveUp) return { roundsMs, memoryMs: null, converges: false, why: policy.why };
  }
  return { roundsMs, memoryMs: null, converges: false, why: 'the rounds shrink too slowly' };
}

/** The policy's own state while it is played through. */
class PolicyInModel {
  readonly #rounds: RoundFigures[] = [];
  state: Omit<ConvergenceInput, 'rounds'>;
  /** Share of its speed at which the guest runs, 0 to 1. */
  guestSpeed = 1;
  gaveUp = false;
  why: string | null = null;

  constructor(input: ForecastInput, fixedBlackoutMs: number) {
    const { budgetMs, budgetMaxMs, compression, memoryBytes } = input;
    this.state = {
      ...{ budgetMs, budgetMaxMs, fixedBlackoutMs, compression, memoryBytes },
      ...{ downtimeLimitMs: firstLimitMs(budgetMs, fixedBlackoutMs), throttlePercentMax: 0 },
      ...{ xbzrleCacheBytes: 0, steppedAtRound: -1 },
    };
  }

  ask(round: RoundFigures): void {
    this.#rounds.push(round);
    const { action, reason: _reason, ...change } = decideConvergence({ ...this.state, rounds: this.#rounds });
    if (action === 'next-round') return;
    this.state = { ...this.state, ...change, steppedAtRound: this.#rounds.length - 1 };
    this.guestSpeed = 1 - this.state.throttlePercentMax / 100;
    if (action === 'give-up') {
      this.gaveUp = true;
      this.why = 'the guest dirties memory faster than the link carries it, and will be left on the source';
    } else if (action === 'throttle') {
      this.why = `the guest will be slowed down by up to ${this.state.throttlePercentMax} %`;
    } else if (action === 'widen-budget') {
      this.why = `the budget will be widened to ${this.state.budgetMs} ms`;
    }
  }
}

function restsOn(input: ForecastInput, activity: VmActivity): string[] {
  const { learned, nowMs, bandwidthBytesPerSecond: limit, compression } = input;
  const { dirtyBytesPerSecond, usedBytes, sampledAt, compressedRatio } = activity;
  const ageS = Math.max(0, Math.round((nowMs - Date.parse(sampledAt)) / 1000));
  const age = Number.isNaN(ageS) ? '' : ` measured ${ageS} s ago`;
  const { link, fixedBlackout, correction } = learned;
  const usesLimit = limit !== null && limit <= usableRate(learned, null);
  const rate = (bytesPerSecond: number) => `${formatBytes(Math.round(bytesPerSecond))}/s`;
  return [
    dirtyBytesPerSecond === null ? 'dirty rate not measured yet' : `dirty rate ${rate(dirtyBytesPerSecond)}${age}`,
    `${formatBytes(usedBytes)} of memory in use`,
    ...(usesLimit ? [`transfer limited to ${rate(limit)}`] : [linkText(link, rate)]),
    ...(compression === 'multifd-zstd' ? [`compressed to ${Math.round(compressedRatio * 100)} %`] : []),
    fixedBlackout.migrations === 0
      ? `${FIXED_BLACKOUT_MS} ms assumed for device state and GO`
      : `device state and GO usually take ${Math.round(fixedBlackout.usualMs)} ms here`,
    ...(Math.abs(correction - 1) < 0.05 ? [] : [`corrected by ${correction.toFixed(2)} after earlier forecasts`]),
  ];
}

function linkText(link: Learned['link'], rate: (bytesPerSecond: number) => string): string {
  if (link === null) return `this link was never measured: ${rate(ASSUMED_LINK_BYTES_PER_SECOND)} (1 Gbit/s) assumed`;
  const { bytesPerSecond, migrations } = link;
  return `${rate(bytesPerSecond)} on this link in ${migrations} ${migrations === 1 ? 'migration' : 'migrations'}`;
}

function median(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? null;
}

function round1(ms: number): number {
  return Math.round(ms * 10) / 10;
}
