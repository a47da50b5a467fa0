import { keyOf } from './canonical.ts';
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
  const seen = new Set([keyOf(first, setting)]);
  const parents = [-1];
  const whats = ['the start'];
  let level: { readonly world: World; readonly index: number }[] = [{ world: first, index: 0 }];
  while (level.length > 0) {
    const next: typeof level = [];
    for (const { world, index } of level) {
      for (const transition of transitions(world, setting)) {
        const key = keyOf(transition.world, setting);
        if (seen.has(key)) continue;
        seen.add(key);
        parents.push(index);
        const nowMs = Math.round(transition.world.nowMs / TICK_MS) - 100;
        whats.push(transition.what === 'time passes' ? `-- ${nowMs} --` : transition.what);
        const found = { world: transition.world, index: whats.length - 1 };
        if (isBroken(transition.world, setting)) {
          return { states: seen.size, violation: story(found.index, parents, whats), cutShort: false };
        }
        next.push(found);
      }
      if (seen.size >= mostStates) return { states: seen.size, violation: null, cutShort: true };
    }
    level = next;
  }
  return { states: seen.size, violation: null, cutShort: false };
}

function story(last: number, parents: readonly number[], whats: readonly string[]): string[] {
  const steps: string[] = [];
  for (let at = last; at >= 0; at = parents[at] ?? -1) steps.unshift(whats[at] ?? '');
  return steps;
}
