/** Something that will happen at a time; cancelled by forgetting what it runs. */
export interface Timer {
  readonly at: number;
  readonly sequence: number;
  run: (() => void) | null;
}

/** Events at one instant: more of them call each other without end. */
const AT_ONCE_MAX = 100_000;

/**
 * Virtual time: a binary heap keyed (time, sequence), one thread. Times are real milliseconds of the simulated world; what a node
 * takes for the time is the business of its own clock.
 */
export class Engine {
  now = 0;
  events = 0;
  readonly #heap: Timer[] = [];
  #sequence = 0;
  #stopped = false;
  #atOnce = 0;

  at(time: number, run: () => void): Timer {
    this.#sequence += 1;
    const timer: Timer = { at: time > this.now ? time : this.now, sequence: this.#sequence, run };
    this.#push(timer);
    return timer;
  }

  after(delay: number, run: () => void): Timer {
    return this.at(this.now + delay, run);
  }

  /** Ends `run` after the event that is under way. */
  stop(): void {
    this.#stopped = true;
  }

  /** Everything up to and including this time. */
  run(until: number): void {
    while (!this.#stopped) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) break;
      this.#pop();
      if (next.run === null) continue;
      if (next.at > this.now) this.#atOnce = 0;
      this.#atOnce += 1;
      if (this.#atOnce > AT_ONCE_MAX) throw new Error(`time stands still at ${this.now} ms`);
      this.now = next.at;
      this.events += 1;
      next.run();
    }
    if (!this.#stopped && until > this.now) this.now = until;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(timer);
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above] as Timer;
      if (parent.at < timer.at || (parent.at === timer.at && parent.sequence < timer.sequence)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Timer;
    const size = heap.length;
    if (size === 0) return;
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= size) break;
      let child = heap[below] as Timer;
      const right = heap[below + 1];
      if (right !== undefined && (right.at < child.at || (right.at === child.at && right.sequence < child.sequence))) {
        below += 1;
        child = right;
      }
      if (last.at < child.at || (last.at === child.at && last.sequence < child.sequence)) break;
      heap[index] = child;
      index = below;
    }
    heap[index] = last;
  }
}

/** Forgets a timer. */
export function cancel(timer: Timer | null): void {
  if (timer !== null) timer.run = null;
}
