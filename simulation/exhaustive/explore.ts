import { keyOf } from './canonical.ts';
import { SeenKeys } from './seen-keys.ts';
import { transitions } from './transitions.ts';
import { isBroken, type Setting, startWorld, TICK_MS, type World } from './world.ts';

export interface Exploration {
  readonly states: number;
  /** How two nodes come to run the same VM, step by step; null: they never do. */
  readonly violation: readonly string[] | null;
  /** The search ended before everything was seen. */
  readonly cutShort: boolean;
}

/** Breadth first through every world that can come about. */
export function explore(setting: Setting, mostStates = Number.POSITIVE_INFINITY): Exploration {
  const first = startWorld(setting);
  const seen = new SeenKeys();
  seen.add(keyOf(first, setting));
  // By state: the one before it, and which of the transitions from there has led to it.
  const parents = [-1];
  const via = [-1];
  let level: { readonly world: World; readonly index: number }[] = [{ world: first, index: 0 }];
  while (level.length > 0) {
    const next: typeof level = [];
    for (const { world, index } of level) {
      for (const [ordinal, transition] of transitions(world, setting).entries()) {
        if (!seen.add(keyOf(transition.world, setting))) continue;
        parents.push(index);
        via.push(ordinal);
        const found = { world: transition.world, index: parents.length - 1 };
        if (isBroken(transition.world, setting)) {
          return { states: seen.size, violation: story(found.index, { parents, via, setting }), cutShort: false };
        }
        next.push(found);
      }
      if (seen.size >= mostStates) return { states: seen.size, violation: null, cutShort: true };
    }
    level = next;
  }
  return { states: seen.size, violation: null, cutShort: false };
}

interface Tree {
  readonly parents: readonly number[];
  readonly via: readonly number[];
  readonly setting: Setting;
}

/** Gone through once more from the start: kept with every state, the texts would take more memory than the states. */
function story(last: number, { parents, via, setting }: Tree): string[] {
  const turns: number[] = [];
  for (let at = last; at > 0; at = parents[at] ?? -1) turns.unshift(via[at] ?? 0);
  let world = startWorld(setting);
  const steps = ['the start'];
  for (const turn of turns) {
    const taken = transitions(world, setting)[turn];
    if (taken === undefined) throw new Error('the same world has other transitions');
    world = taken.world;
    const nowMs = Math.round(world.nowMs / TICK_MS) - 100;
    steps.push(taken.what === 'time passes' ? `-- ${nowMs} --` : taken.what);
  }
  return steps;
}
