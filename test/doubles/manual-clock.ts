import type { Clock } from '../../src/ports/clock.ts';

interface Timer {
  dueMs: number;
  readonly periodMs: number | null;
  readonly run: () => void;
}

export interface ManualClockOptions {
  /** Whether `sleep` waits for time to pass; otherwise it does not wait at all. */
  readonly sleeps?: boolean;
  /** By how much timers come early, in milliseconds. */
  readonly earlyMs?: number;
}

/** Time that passes only when a test says so. */
export class ManualClock implements Clock {
  readonly #timers = new Set<Timer>();
  readonly #options: ManualClockOptions;
  #nowMs = 1_000_000;

  constructor(options: ManualClockOptions = {}) {
    this.#options = options;
  }

  /** Timers that are still to come. */
  get timers(): number {
    return this.#timers.size;
  }

  wallMs(): number {
    return Date.UTC(2026, 0, 1) + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  async sleep(ms = 0): Promise<void> {
    if (this.#options.sleeps === true) await new Promise<void>((resolve) => this.after(ms, resolve));
  }

  after(ms: number, run: () => void): () => void {
    // As a real one: never without any time passing, if it was asked for.
    const inMs = Math.max(Math.min(ms, 1), ms - (this.#options.earlyMs ?? 0));
    return this.#add({ dueMs: this.#nowMs + inMs, periodMs: null, run });
  }

  every(ms: number, run: () => void): () => void {
    return this.#add({ dueMs: this.#nowMs + ms, periodMs: ms, run });
  }

  /** Lets time pass and runs what falls due, in order. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const [next] = [...this.#timers].filter((timer) => timer.dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs);
      if (next === undefined) break;
      this.#nowMs = next.dueMs;
      if (next.periodMs === null) this.#timers.delete(next);
      else next.dueMs += next.periodMs;
      next.run();
    }
    this.#nowMs = untilMs;
  }

  /** Lets time pass in steps, and everything that follows from each of them happen. */
  async pass(ms: number, stepMs = 10): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
      this.advance(Math.min(stepMs, ms - passedMs));
      await new Promise(setImmediate);
    }
  }

  #add(timer: Timer): () => void {
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
}
