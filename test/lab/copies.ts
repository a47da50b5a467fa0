/** When two copies of a VM run at the same time. Pure. */

/** A QEMU process as it was at one look. */
export interface Copy {
  readonly node: string;
  readonly vm: string;
  /** Process id and start time: names it for good. */
  readonly id: string;
  /** In clock ticks since the host's boot. */
  readonly startedAt: number;
  /** Started to take a migration: paused, until the source has completed it. */
  readonly incoming: boolean;
  /** Its control group stands still, or it is being killed: it executes nothing any more. */
  readonly stopped: boolean;
  /** What its virtual CPUs have executed since it started, in nanoseconds. */
  readonly executedNs: number;
}

export interface Look {
  readonly atMs: number;
  readonly copies: readonly Copy[];
}

/** Stopping a guest wakes its virtual CPUs up for a moment. */
const EXECUTES_NS = 5e6;

/**
 * Pairs that are both there, and not stopped, in both looks. A source and its destination are none: see {@link executingPairs}.
 * Two looks, because reading takes a moment in which a copy may be killed.
 */
export function pairs(before: Look, now: Look): string[] {
  const was = new Set(before.copies.filter(({ stopped }) => !stopped).map(({ id }) => id));
  const alive = now.copies.filter(({ id, stopped }) => !stopped && was.has(id));
  return pairsOf(alive)
    .filter(([, younger]) => !younger.incoming)
    .map(describe);
}

/** Pairs that have both executed between the two looks, whatever they were started for. */
export function executingPairs(before: Look, now: Look): string[] {
  const was = new Map(before.copies.map((copy) => [copy.id, copy.executedNs]));
  const busy = now.copies.filter(({ id, executedNs }) => executedNs - (was.get(id) ?? executedNs) > EXECUTES_NS);
  return pairsOf(busy).map(describe);
}

/** The older one first. */
function pairsOf(copies: readonly Copy[]): [Copy, Copy][] {
  const sorted = copies.toSorted((one, other) => one.startedAt - other.startedAt);
  return sorted.flatMap((older, index) =>
    sorted.slice(index + 1).flatMap((younger): [Copy, Copy][] => (younger.vm === older.vm ? [[older, younger]] : [])),
  );
}

function describe([one, other]: readonly [Copy, Copy]): string {
  return `${one.vm} on ${one.node} (${one.id}) and on ${other.node} (${other.id})`;
}
