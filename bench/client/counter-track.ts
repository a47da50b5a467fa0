/** Which numbers of a stream 1, 2, 3 … came, came twice, and came after a later one. Pure. */
export class CounterTrack {
  readonly #seen = new Set<number>();
  /** Also the least that was sent: what is missing below it is lost. */
  highest = 0;
  duplicates = 0;
  late = 0;

  saw(number: number): void {
    if (this.#seen.has(number)) {
      this.duplicates += 1;
      return;
    }
    this.#seen.add(number);
    if (number < this.highest) this.late += 1;
    else this.highest = number;
  }

  /** Different ones. */
  get received(): number {
    return this.#seen.size;
  }
}
