/** Power of one node, switched by its hardware: by the watchdog or the management controller, and not by a command of the lab. */
import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { machineCgroup } from './cgroups.ts';
import type { Machine } from './lab-plan.ts';
import type { LabState } from './lab-state.ts';
import { lock, readState } from './lab-state.ts';
import { powerOff, powerOn } from './machines.ts';
import { machinesWithNamespace } from './namespaces.ts';

interface Found {
  readonly state: LabState;
  readonly machine: Machine;
  readonly isOn: boolean;
}

/** Nothing is waited for: what was asked first is done first. */
export class NodePower {
  readonly #lab: string;
  readonly #node: string;
  readonly #say: (text: string) => void;
  #last: Promise<void> = Promise.resolve();

  constructor(lab: string, node: string, say: (text: string) => void) {
    this.#lab = lab;
    this.#node = node;
    this.#say = say;
  }

  off(): void {
    this.#kill();
    this.#then(async ({ isOn }) => {
      if (isOn) await powerOff(this.#lab, this.#node);
      this.#say(`${this.#node}: is off`);
    });
  }

  on(): void {
    this.#then(async (found) => {
      if (!found.isOn) await this.#start(found);
    });
  }

  /** Off and on again; a node that is off stays off. */
  reset(): void {
    this.#kill();
    this.#then(async (found) => {
      if (!found.isOn) return;
      await powerOff(this.#lab, this.#node);
      await this.#start(found);
    });
  }

  /** At once, and without the lab's lock, which another command may hold for seconds. */
  #kill(): void {
    void machineCgroup(this.#lab, this.#node)
      .then((cgroup) => writeFileSync(join(cgroup, 'cgroup.kill'), '1'))
      .catch(() => undefined);
  }

  async #start({ state, machine }: Found): Promise<void> {
    // The machine must not inherit the priority of this process.
    setPriority(0);
    try {
      await powerOn(state, machine);
    } finally {
      setPriority(-20);
    }
    this.#say(`${this.#node}: switched on again`);
  }

  #then(act: (found: Found) => Promise<void>): void {
    this.#last = this.#last
      .then(async () => {
        await using _lock = await lock(this.#lab);
        const found = await this.#find();
        if (found !== undefined) await act(found);
      })
      .catch((error: unknown) => this.#say(`${this.#node}: ${String(error)}`));
  }

  async #find(): Promise<Found | undefined> {
    const state = await readState(this.#lab);
    if (typeof state === 'string') return undefined;
    const machine = state.plan.machines.find(({ name }) => name === this.#node);
    const isOn = (await machinesWithNamespace(this.#lab)).includes(this.#node);
    return machine === undefined ? undefined : { state, machine, isOn };
  }
}
