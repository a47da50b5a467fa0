import type { ProbeSample } from '../../ports/guest-probe.ts';
import type { Instant } from './probe-plan.ts';

/** So many requests are remembered, the newest: half a minute at one every 4 ms. */
const REQUESTS_MAX = 8192;
/** A younger request than this may still be answered, in milliseconds: nothing is said of it. */
const UNDECIDED_MS = 50;

/**
 * The single requests of a probe, each with the time until the next answer. A request carries no number that comes back, so any
 * answer ends the wait of all that were sent before it: what is measured is how long a client that asks at that
 * moment hears nothing. With answers later than one interval it is less than the way there and back.
 */
export class ProbeTrace {
  readonly #wallMs: Float64Array;
  readonly #monotonicMs: Float64Array;
  /** NaN until there is an answer. */
  readonly #waitedMs: Float64Array;
  readonly #size: number;
  #asked = 0;
  /** Number of the first request without an answer. */
  #open = 0;

  constructor(size = REQUESTS_MAX) {
    this.#size = size;
    this.#wallMs = new Float64Array(size);
    this.#monotonicMs = new Float64Array(size);
    this.#waitedMs = new Float64Array(size);
  }

  asked({ wallMs, monotonicMs }: Instant): void {
    const at = this.#asked % this.#size;
    this.#wallMs[at] = wallMs;
    this.#monotonicMs[at] = monotonicMs;
    this.#waitedMs[at] = Number.NaN;
    this.#asked += 1;
  }

  answered(monotonicMs: number): void {
    for (let number = this.#oldest(this.#open); number < this.#asked; number += 1) {
      const at = number % this.#size;
      this.#waitedMs[at] = monotonicMs - (this.#monotonicMs[at] ?? monotonicMs);
    }
    this.#open = this.#asked;
  }

  /** In the order of asking. */
  samples(nowMonotonicMs: number): ProbeSample[] {
    const samples: ProbeSample[] = [];
    for (let number = this.#oldest(0); number < this.#asked; number += 1) {
      const at = number % this.#size;
      const waitedMs = this.#waitedMs[at] ?? Number.NaN;
      const answered = !Number.isNaN(waitedMs);
      if (!answered && nowMonotonicMs - (this.#monotonicMs[at] ?? 0) < UNDECIDED_MS) break;
      samples.push({ askedAtMs: this.#wallMs[at] ?? 0, waitedMs: answered ? waitedMs : null });
    }
    return samples;
  }

  #oldest(number: number): number {
    return Math.max(number, this.#asked - this.#size);
  }
}
