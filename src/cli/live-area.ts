import type { Output } from './output.ts';

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const CLEAR_LINE = '\x1b[2K';
const CLEAR_BELOW = '\x1b[0J';

/** Lines at the bottom of a terminal that are drawn over themselves. */
export class LiveArea {
  readonly #output: Output;
  #drawn = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  draw(lines: readonly string[]): void {
    const text = lines.map((line) => `${CLEAR_LINE}${line}\n`).join('');
    this.#output.write(`${this.#drawn === 0 ? HIDE_CURSOR : this.#toTop()}${text}${CLEAR_BELOW}`);
    this.#drawn = lines.length;
  }

  /** Leaves the lines where they are and gives the terminal back. */
  end(): void {
    if (this.#drawn > 0) this.#output.write(SHOW_CURSOR);
    this.#drawn = 0;
  }

  /** Takes the lines away and gives the terminal back. */
  clear(): void {
    if (this.#drawn > 0) this.#output.write(`${this.#toTop()}${CLEAR_BELOW}${SHOW_CURSOR}`);
    this.#drawn = 0;
  }

  #toTop(): string {
    return `\x1b[${this.#drawn}A\r`;
  }
}
