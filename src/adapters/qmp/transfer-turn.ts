/** Whether the one channel that QEMU has for memory is being used, as far as no status of QEMU tells of it yet. */
export class TransferTurn {
  #taken = false;
  #count = 0;

  get taken(): boolean {
    return this.#taken;
  }

  /** How often it was taken. */
  get count(): number {
    return this.#count;
  }

  async take<T>(transfer: () => Promise<T>): Promise<T> {
    this.#taken = true;
    this.#count += 1;
    try {
      return await transfer();
    } finally {
      this.#taken = false;
    }
  }
}
