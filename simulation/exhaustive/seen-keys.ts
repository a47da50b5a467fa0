const FIRST_SLOTS = 1 << 16;
/** Part of the slots that may be taken. */
const FULL = 0.6;

/**
 * A set of strings that keeps 64 bits of each (two multiplicative hashes): some bytes per state in place of a hundred. Two of ten million states are taken for one with
 * a probability of about three in a million.
 */
export class SeenKeys {
  size = 0;
  #slots = new Uint32Array(2 * FIRST_SLOTS);

  /** False: it was there. */
  add(key: string): boolean {
    let one = 0x811c9dc5;
    let other = 0x9e3779b9;
    for (let index = 0; index < key.length; index += 1) {
      const code = key.charCodeAt(index);
      one = Math.imul(one ^ code, 0x01000193);
      other = Math.imul(other ^ code, 0x85ebca6b);
      other ^= other >>> 13;
    }
    one ^= one >>> 15;
    // Zero is a slot that is free.
    const [high, low] = [one >>> 0 || 1, other >>> 0 || 1];
    if (!this.#put(high, low)) return false;
    this.size += 1;
    if (this.size > (this.#slots.length / 2) * FULL) this.#grow();
    return true;
  }

  #put(high: number, low: number): boolean {
    const slots = this.#slots;
    const mask = slots.length / 2 - 1;
    for (let at = (high ^ Math.imul(low, 0xc2b2ae35)) & mask; ; at = (at + 1) & mask) {
      const there = slots[2 * at];
      if (there === 0) {
        slots[2 * at] = high;
        slots[2 * at + 1] = low;
        return true;
      }
      if (there === high && slots[2 * at + 1] === low) return false;
    }
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(before.length * 2);
    for (let at = 0; at < before.length; at += 2) {
      const high = before[at] ?? 0;
      if (high !== 0) this.#put(high, before[at + 1] ?? 0);
    }
  }
}
