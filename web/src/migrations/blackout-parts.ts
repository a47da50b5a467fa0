import type { Receipt } from './migration-figures.ts';

export type PartName = 'stopToLastPage' | 'deviceState' | 'stopToCompleted' | 'go' | 'resume' | 'other';

export interface BlackoutPart {
  readonly name: PartName;
  /** null: it was not measured. */
  readonly ms: number | null;
  /** Why it was not measured, the server's sentence. */
  readonly reason: string | null;
}

/** Differences below this are rounding, in milliseconds. */
const ROUNDING_MS = 0.05;

/**
 * The parts of the blackout in their order. Where QEMU tells last pages and device state not apart, their sum is one part, and the
 * two stay as not measured. What the figures of two clocks leave over is a part of its own. Pure.
 */
export function blackoutParts({ blackout, blackoutMs, notMeasured }: Receipt): BlackoutPart[] {
  const part = (name: PartName, ms: number | null): BlackoutPart => ({
    name,
    ms,
    reason: ms === null ? (notMeasured[`blackout.${name}Ms`] ?? null) : null,
  });
  const { stopToLastPageMs, deviceStateMs, stopToCompletedMs, goMs, resumeMs } = blackout;
  const split = stopToLastPageMs !== null && deviceStateMs !== null;
  const parts = [
    ...(split ? [] : [part('stopToCompleted', stopToCompletedMs)]),
    part('stopToLastPage', stopToLastPageMs),
    part('deviceState', deviceStateMs),
    part('go', goMs),
    part('resume', resumeMs),
  ];
  const toCommitMs = split ? stopToLastPageMs + deviceStateMs : stopToCompletedMs;
  const known = toCommitMs === null || goMs === null || resumeMs === null ? null : toCommitMs + goMs + resumeMs;
  const overMs = known === null || blackoutMs === null ? 0 : blackoutMs - known;
  return overMs > ROUNDING_MS ? [...parts, { name: 'other', ms: overMs, reason: null }] : parts;
}

/** The parts that are drawn one after the other: each measured millisecond once. */
export function drawnParts(parts: readonly BlackoutPart[]): (BlackoutPart & { readonly ms: number })[] {
  const whole = parts.some(({ name, ms }) => name === 'stopToCompleted' && ms !== null);
  return parts.flatMap((each) => {
    const twice = whole && (each.name === 'stopToLastPage' || each.name === 'deviceState');
    return each.ms === null || twice ? [] : [{ ...each, ms: each.ms }];
  });
}
