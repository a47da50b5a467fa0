/** The control group (version 2) of the highly available VMs. Its files stay open: nothing can be missing when it counts. */
import { mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { HA_GROUP } from '../model/guard-line.ts';

const ZERO = Buffer.from('0');
const ONE = Buffer.from('1');

export interface HaGroupState {
  /** Whether there are processes in it or below it. */
  readonly populated: boolean;
  /** Whether all of them stand still: none is inside a system call either. */
  readonly frozen: boolean;
}

export class HaGroup {
  readonly #freeze: number;
  readonly #kill: number;
  readonly #events: number;
  readonly #buffer = Buffer.alloc(256);

  /** @param directory The parent, in a mounted cgroup2. The group is made if it is missing. */
  constructor(directory: string) {
    const group = join(directory, HA_GROUP);
    mkdirSync(group, { recursive: true });
    this.#freeze = openSync(join(group, 'cgroup.freeze'), 'r+');
    this.#kill = openSync(join(group, 'cgroup.kill'), 'w');
    this.#events = openSync(join(group, 'cgroup.events'), 'r');
  }

  state(): HaGroupState {
    const text = this.#read(this.#events);
    return { populated: !text.includes('populated 0'), frozen: text.includes('frozen 1') };
  }

  /** Whether it was told to freeze, e.g. by a guard before this one. */
  isToldToFreeze(): boolean {
    return this.#read(this.#freeze).startsWith('1');
  }

  freeze(): void {
    writeSync(this.#freeze, ONE, 0, 1, 0);
  }

  thaw(): void {
    writeSync(this.#freeze, ZERO, 0, 1, 0);
  }

  kill(): void {
    writeSync(this.#kill, ONE, 0, 1, 0);
  }

  #read(file: number): string {
    return this.#buffer.toString('latin1', 0, readSync(file, this.#buffer, 0, this.#buffer.length, 0));
  }
}
