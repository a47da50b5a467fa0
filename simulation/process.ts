/**
 * A process of a simulated machine. While it is stopped (a long garbage collection, a frozen machine) everything that happens to it
 * waits, and comes in order afterwards. What is dead hears nothing.
 */
export class Process {
  alive = true;
  #stops = 0;
  #waiting: (() => void)[] = [];

  get stopped(): boolean {
    return this.#stops > 0;
  }

  deliver(what: () => void): void {
    if (!this.alive) return;
    if (this.#stops > 0) this.#waiting.push(what);
    else what();
  }

  stop(): void {
    this.#stops += 1;
  }

  resume(): void {
    this.#stops = Math.max(0, this.#stops - 1);
    while (this.#stops === 0 && this.alive) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      next();
    }
  }

  end(): void {
    this.alive = false;
    this.#waiting = [];
  }
}
