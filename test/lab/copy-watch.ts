/** Watches all the time that no VM of a lab runs twice. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';

export interface Seen {
  /** One sentence for every pair of copies that ran at the same time. */
  readonly seen: readonly string[];
  readonly looks: number;
  /** The longest time between two looks. */
  readonly longestMs: number;
}

export class CopyWatch {
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  constructor(lab: string) {
    const argv = [join(import.meta.dirname, 'copies-process.ts'), lab];
    this.#child = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout ?? process.stdin });
  }

  /** Since the last call. */
  seen(): Promise<Seen> {
    return new Promise((resolve, reject) => {
      const ended = () => reject(new Error('The process that watches the copies has ended.'));
      this.#lines.once('close', ended);
      this.#lines.once('line', (line) => {
        this.#lines.off('close', ended);
        resolve(JSON.parse(line) as Seen);
      });
      this.#child.stdin?.write('\n');
    });
  }

  end(): void {
    this.#child.stdin?.end();
  }
}
