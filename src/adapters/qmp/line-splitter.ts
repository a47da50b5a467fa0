const NEWLINE = 0x0a;

/** Cuts a stream of bytes into lines of text. Keeps incomplete lines as the chunks they came in, so that a large reply is joined once. */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  #incomplete: Buffer[] = [];

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const line = this.#complete(chunk.subarray(start, end));
      start = end + 1;
      if (line.length > 0) this.#onLine(line);
    }
    if (start < chunk.length) this.#incomplete.push(chunk.subarray(start));
  }

  #complete(last: Buffer): string {
    if (this.#incomplete.length === 0) return last.toString('utf8').trimEnd();
    const whole = Buffer.concat([...this.#incomplete, last]);
    this.#incomplete = [];
    return whole.toString('utf8').trimEnd();
  }
}
