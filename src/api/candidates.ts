import type { VmAvailability } from '../model/availability.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import type { NodeName } from '../model/names.ts';
import type { VmDefinition } from '../model/vm.ts';
import { chooseNode } from '../placement/choose-node.ts';
import { nodesForPlacement as placeableNodes } from '../placement/occupancy.ts';
import type { NodeForPlacement } from '../placement/why-not-place.ts';
import type { Shown } from './views.ts';

/** All members of the cluster as placement sees them. */
export function nodesForPlacement({ state, now }: Shown): NodeForPlacement[] {
  return placeableNodes(state, now);
}

/** The first owner of a new VM and why it. Throws NOT_ENOUGH_MEMORY or PLACEMENT_NOT_POSSIBLE with all reasons. */
export function chooseOwner(
  nodes: readonly NodeForPlacement[],
  definition: VmDefinition,
  availability: VmAvailability,
): { readonly node: NodeName; readonly reason: string } {
  const choice = chooseNode(nodes, { definition, owner: null, memory: 'some-day', availability });
  if (choice.kind === 'chosen') return choice;
  const all = choice.judged.flatMap((judged) => judged.reasons);
  const reasons = all.map((reason) => reason.text);
  const onlyMemory = all.length > 0 && all.every((reason) => reason.obstacle === 'memory');
  throw new GodwitError({
    code: onlyMemory ? 'NOT_ENOUGH_MEMORY' : 'PLACEMENT_NOT_POSSIBLE',
    message: `No node can take ${definition.name}: ${reasons.join(' ')}`,
    state: NOTHING_CHANGED,
    nextStep: 'Ask for less, or give a node what it lacks; `godwit node list` shows what each has.',
    details: { reasons },
  });
}
