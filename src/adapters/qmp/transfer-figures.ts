import type { TransferParameters, TransferSnapshot } from '../../ports/hypervisor.ts';
import { migrationStatusOf } from './qmp-events.ts';

/**
 * Stands for "no limit". QEMU 7.2 takes 0 for that, but not everything that divides by the limit in
 * later versions was checked; a terabyte per second is beyond every link and within every integer.
 */
export const UNLIMITED_BYTES_PER_SECOND = 1_000_000_000_000;

/** Auto-converge is a capability and so must be on before the start; with these it never does anything. */
const THROTTLE_NEUTRAL = {
  'throttle-trigger-threshold': 100,
  'cpu-throttle-initial': 1,
  'cpu-throttle-increment': 1,
  'max-cpu-throttle': 1,
} as const;

/** QEMU takes nothing smaller than one page. So small a cache is never hit. */
const XBZRLE_CACHE_BYTES_MIN = 4096;

/** Arguments of `migrate-set-parameters`; only what is given. */
export function qemuParameters(parameters: TransferParameters): Record<string, number> {
  const { bandwidthBytesPerSecond, downtimeLimitMs, throttlePercentMax, xbzrleCacheBytes } = parameters;
  return {
    ...(bandwidthBytesPerSecond !== undefined && {
      'max-bandwidth': Math.max(1, Math.round(bandwidthBytesPerSecond ?? UNLIMITED_BYTES_PER_SECOND)),
    }),
    // 0 would let QEMU switch over after the first round without looking again.
    ...(downtimeLimitMs !== undefined && { 'downtime-limit': Math.max(1, Math.round(downtimeLimitMs)) }),
    ...(throttlePercentMax !== undefined && throttle(throttlePercentMax)),
    ...(xbzrleCacheBytes !== undefined && { 'xbzrle-cache-size': powerOfTwo(xbzrleCacheBytes) }),
  };
}

/** The next power of two, upwards: a cache that is a little too small holds nothing of a set that is rewritten in order. */
function powerOfTwo(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(XBZRLE_CACHE_BYTES_MIN, bytes)));
}

function throttle(percentMax: number): Record<string, number> {
  const max = Math.min(99, Math.round(percentMax));
  if (max < 1) return THROTTLE_NEUTRAL;
  return {
    'throttle-trigger-threshold': 50,
    'cpu-throttle-initial': Math.min(20, max),
    'cpu-throttle-increment': 15,
    'max-cpu-throttle': max,
  };
}

interface QueryMigrate {
  readonly status?: string;
  readonly 'error-desc'?: string;
  readonly 'total-time'?: number;
  readonly 'setup-time'?: number;
  readonly downtime?: number;
  readonly 'cpu-throttle-percentage'?: number;
  readonly 'blocked-reasons'?: readonly string[];
  readonly ram?: {
    readonly transferred: number;
    readonly duplicate?: number;
    readonly remaining: number;
    readonly total: number;
    readonly mbps: number;
    readonly 'dirty-pages-rate': number;
    readonly 'dirty-sync-count': number;
    readonly 'page-size': number;
  };
  /** There when the capability is on. */
  readonly 'xbzrle-cache'?: { readonly bytes: number; readonly pages: number };
}

/** As before any transfer, but for what stands in the way of one. */
export function withoutTransfer({ blockedReasons }: TransferSnapshot): TransferSnapshot {
  return { ...transferSnapshotOf({}), blockedReasons };
}

/**
 * From a reply to `query-migrate`. QEMU's `mbps` is megabits per second, its dirty rate pages per second.
 *
 * With multifd QEMU 7.2 counts pages before they are compressed, in `transferred` (which includes `multifd-bytes`), in `mbps` and
 * against `max-bandwidth` alike. So all of them stay comparable with `remaining`; less than that crosses the network.
 */
export function transferSnapshotOf(reply: unknown): TransferSnapshot {
  const answer = reply as QueryMigrate;
  const { ram, 'xbzrle-cache': xbzrle } = answer;
  return {
    status: migrationStatusOf(answer.status),
    errorText: answer['error-desc'] ?? null,
    totalMs: answer['total-time'] ?? 0,
    setupMs: answer['setup-time'] ?? 0,
    qemuDowntimeMs: answer.downtime ?? null,
    transferredBytes: ram?.transferred ?? 0,
    remainingBytes: ram?.remaining ?? 0,
    totalBytes: ram?.total ?? 0,
    round: ram?.['dirty-sync-count'] ?? 0,
    dirtyBytesPerSecond: (ram?.['dirty-pages-rate'] ?? 0) * (ram?.['page-size'] ?? 0),
    bandwidthBytesPerSecond: ((ram?.mbps ?? 0) * 1e6) / 8,
    throttlePercent: answer['cpu-throttle-percentage'] ?? 0,
    zeroBytes: (ram?.duplicate ?? 0) * (ram?.['page-size'] ?? 0),
    xbzrle: xbzrle === undefined ? null : { sentBytes: xbzrle.bytes, pages: xbzrle.pages },
    blockedReasons: answer['blocked-reasons'] ?? [],
  };
}
