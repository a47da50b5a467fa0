import type { ClientView } from './receipt.ts';

/** One request of a probe: when it was sent, and how long nothing was heard from then on; null: never again. Milliseconds. */
export interface AskedSample {
  readonly askedAtMs: number;
  readonly waitedMs: number | null;
}

/** A receipt stays small: at most so many requests are in it, about 10 bytes each. */
export const CLIENT_VIEW_POINTS_MAX = 300;
/** What is shown before the guest stopped, in milliseconds: enough to see what was usual. */
const BEFORE_STOP_MS = 400;

/**
 * How a client found the guest around its stop: the requests from 0.4 s before it on. Where there are too many,
 * of each group in a row the first and the worst are kept, so that the longest wait is never lost. Pure.
 *
 * `stoppedAtMs`: on the same clock as the samples.
 */
export function clientView(samples: readonly AskedSample[], stoppedAtMs: number): ClientView {
  const near = samples.filter(({ askedAtMs }) => askedAtMs >= stoppedAtMs - BEFORE_STOP_MS);
  const kept = near.length <= CLIENT_VIEW_POINTS_MAX ? near : thinned(near);
  return {
    atMs: kept.map(({ askedAtMs }) => tenths(askedAtMs - stoppedAtMs)),
    latencyMs: kept.map(({ waitedMs }) => (waitedMs === null ? null : tenths(waitedMs))),
  };
}

function thinned(samples: readonly AskedSample[]): AskedSample[] {
  const groups = Math.floor(CLIENT_VIEW_POINTS_MAX / 2);
  return Array.from({ length: groups }, (_, group) => {
    const [from, to] = [group, group + 1].map((edge) => Math.floor((edge * samples.length) / groups));
    return firstAndWorst(samples.slice(from, to));
  }).flat();
}

function firstAndWorst(group: readonly AskedSample[]): AskedSample[] {
  const [first, ...others] = group;
  if (first === undefined) return [];
  const worst = others.reduce((worse, each) => (waited(each) > waited(worse) ? each : worse), first);
  return worst === first ? [first] : [first, worst];
}

function waited({ waitedMs }: AskedSample): number {
  return waitedMs ?? Number.POSITIVE_INFINITY;
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}
