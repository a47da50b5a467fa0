import { carryOut } from './faults.ts';
import type { Fault, Moment, Strike } from './commands.ts';
import type { World } from './world.ts';

/** Who takes part in what happens at a moment; their names stand in the places of the faults of a strike. */
export interface Parts {
  readonly vm?: string | undefined;
  readonly source?: string | undefined;
  readonly destination?: string | undefined;
  /** Whoever acts for the cluster. */
  readonly actor?: string | undefined;
  /** The node that it is about. */
  readonly subject?: string | undefined;
}

/** Faults that wait for a moment instead of a time: the short ones around a commit are never met by chance. */
export class Strikes {
  readonly #world: World;
  #armed: Strike[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  arm(strike: Strike): void {
    this.#armed.push(strike);
  }

  reached(moment: Moment, parts: Parts): void {
    if (this.#armed.length === 0) return;
    const due = this.#armed.find((one) => one.moment === moment && (one.vm === null || one.vm === parts.vm));
    if (due === undefined) return;
    this.#armed = this.#armed.filter((one) => one !== due);
    for (const hit of due.hits) {
      const fault = inPlace(hit, this.#places(parts));
      if (fault === null) continue;
      // What holds a message back has to be there before it is sent.
      if (hit.at === 0) carryOut(this.#world, fault);
      else this.#world.engine.after(hit.at, () => carryOut(this.#world, fault));
    }
  }

  #places({ source, destination, actor, subject }: Parts): ReadonlyMap<string, string | undefined> {
    const { leader } = this.#world.store;
    const leads = leader === null ? undefined : this.#world.machines[leader]?.name;
    return new Map([
      ['source', source],
      ['destination', destination],
      ['actor', actor],
      ['subject', subject],
      ['leader', leads],
    ]);
  }
}

/** Null: somebody whom it is about takes no part. */
function inPlace(fault: Fault, places: ReadonlyMap<string, string | undefined>): Fault | null {
  let missing = false;
  const named = (name: string): string => {
    if (!places.has(name)) return name;
    const found = places.get(name);
    if (found === undefined) missing = true;
    return found ?? name;
  };
  const changed = Object.fromEntries(
    Object.entries(fault).map(([key, value]): [string, unknown] => {
      if (key === 'node' || key === 'from') return [key, named(String(value))];
      if (key === 'to' || key === 'nodes') return [key, Array.isArray(value) ? value.map(named) : named(String(value))];
      return [key, value];
    }),
  );
  return missing ? null : (changed as unknown as Fault);
}
