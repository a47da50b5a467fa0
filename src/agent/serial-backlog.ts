/** A guest writes a few bytes at a time: they are put together. */
const BLOCK_BYTES = 4096;

interface Block {
  readonly data: Uint8Array;
  used: number;
}

/** The end of a serial console's output; pure. Bytes are counted from the first one this backlog was given on. */
export class SerialBacklog {
  readonly #maxBytes: number;
  readonly #blocks: Block[] = [];
  /** Position of the first byte that is kept. */
  #from = 0;
  #end = 0;
  /** What came before the first byte: the output of the QEMU that the guest came from. */
  #inherited: Uint8Array = new Uint8Array(0);

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Position behind the last byte. */
  get end(): number {
    return this.#end;
  }

  /** Position of the first byte that is kept. */
  get start(): number {
    return this.#from;
  }

  append(bytes: Uint8Array): void {
    for (let rest = bytes; rest.length > 0; ) {
      let block = this.#blocks.at(-1);
      if (block === undefined || block.used === BLOCK_BYTES) {
        block = { data: new Uint8Array(BLOCK_BYTES), used: 0 };
        this.#blocks.push(block);
      }
      const piece = rest.subarray(0, BLOCK_BYTES - block.used);
      block.data.set(piece, block.used);
      block.used += piece.length;
      this.#end += piece.length;
      rest = rest.subarray(piece.length);
      this.#forgetOld();
    }
  }

  inherit(bytes: Uint8Array): void {
    this.#inherited = Uint8Array.from(bytes.subarray(Math.max(0, bytes.length - this.#maxBytes)));
  }

  /** The next bytes from this position on; undefined if there are none yet. A position that is no longer kept counts as the first one that is. */
  readFrom(position: number): { readonly at: number; readonly bytes: Uint8Array } | undefined {
    let at = this.#from;
    for (const { data, used } of this.#blocks) {
      const skipped = Math.max(0, position - at);
      // What has been written of a block never changes.
      if (skipped < used) return { at: at + skipped, bytes: data.subarray(skipped, used) };
      at += used;
    }
    return undefined;
  }

  /** Where somebody starts who wants the last `bytes`, and what belongs ahead of that position. */
  tail(bytes: number): { readonly position: number; readonly inherited: Uint8Array } {
    const position = Math.max(this.#from, this.#end - bytes);
    const missing = this.#from === 0 ? bytes - (this.#end - position) : 0;
    const { length } = this.#inherited;
    return { position, inherited: this.#inherited.subarray(length - Math.min(length, Math.max(0, missing))) };
  }

  #forgetOld(): void {
    for (let first = this.#blocks[0]; first !== undefined; first = this.#blocks[0]) {
      if (this.#end - this.#from - first.used < this.#maxBytes) return;
      this.#blocks.shift();
      this.#from += first.used;
    }
  }
}
