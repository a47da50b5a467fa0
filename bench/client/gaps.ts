/** The longest times in which nothing came. Pure: the caller says what time it is. */

export interface Gap {
  /** Of the last sign of life before it; milliseconds since 1970, by the clock of this machine. */
  readonly atMs: number;
  readonly durationMs: number;
}

const KEPT_MAX = 64;

export class GapKeeper {
  #lastMs: number | null = null;
  #longest: Gap[] = [];

  /** Something came. */
  seen(atMs: number): void {
    if (this.#lastMs !== null) this.#keep({ atMs: this.#lastMs, durationMs: atMs - this.#lastMs });
    this.#lastMs = atMs;
  }

  /** The longest ones, in the order of time. */
  longest(): readonly Gap[] {
    return this.#longest.toSorted((one, other) => one.atMs - other.atMs);
  }

  #keep(gap: Gap): void {
    const shortest = this.#longest.at(-1);
    if (this.#longest.length === KEPT_MAX && shortest !== undefined && shortest.durationMs >= gap.durationMs) return;
    this.#longest.push(gap);
    this.#longest.sort((one, other) => other.durationMs - one.durationMs);
    this.#longest.length = Math.min(this.#longest.length, KEPT_MAX);
  }
}

/** The longest of the gaps that overlap this time; null if there is none. */
export function longestGapWithin(gaps: readonly Gap[], fromMs: number, toMs: number): number | null {
  const within = gaps.filter((gap) => gap.atMs + gap.durationMs >= fromMs && gap.atMs <= toMs);
  return within.length === 0 ? null : Math.max(...within.map((gap) => gap.durationMs));
}
