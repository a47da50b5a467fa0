// Settings of a VM that can change while it runs: pure checks, and what becomes of its record.
import type { VmSettings } from '../contract/availability.ts';
import { DEFAULT_AVAILABILITY, type VmAvailability } from '../model/availability.ts';
import { type ClusterState, knownNodes } from '../model/cluster-state.ts';
import { isWellFormedName, type NodeName } from '../model/names.ts';
import { invalid } from './invalid-input.ts';

/** Every setting that is given replaces the one before. Throws INVALID_INPUT. */
export function withSettings(
  before: VmAvailability | undefined,
  settings: VmSettings,
  state: ClusterState,
): VmAvailability {
  const base = before ?? DEFAULT_AVAILABILITY;
  const { priority, preferredOwners, possibleOwners, antiAffinity, failback, restart } = settings;
  const changed: VmAvailability = {
    priority: priority ?? base.priority,
    preferredOwners: distinct(preferredOwners ?? base.preferredOwners),
    possibleOwners: distinct(possibleOwners ?? base.possibleOwners),
    antiAffinity: distinct(antiAffinity ?? base.antiAffinity),
    failback: {
      enabled: failback?.enabled ?? base.failback.enabled,
      window: failback?.window === undefined ? base.failback.window : failback.window,
    },
    restart: { here: restart?.here ?? base.restart.here, elsewhere: restart?.elsewhere ?? base.restart.elsewhere },
  };
  const nodes = new Set(
    knownNodes(state)
      .filter(({ facts }) => facts.value.role === 'node')
      .map(({ facts }) => facts.value.name),
  );
  // Owners that were set earlier may name a node that has left; only what is asked for now is judged.
  checkOwners([...(preferredOwners ?? []), ...(possibleOwners ?? [])], nodes);
  checkTogether(changed);
  for (const group of antiAffinity ?? []) {
    if (!isWellFormedName(group))
      throw invalid(`"${group}" cannot be the name of a group.`, 'Use letters, digits and hyphens.');
  }
  return changed;
}

function checkOwners(owners: readonly NodeName[], nodes: ReadonlySet<NodeName>): void {
  const unknown = owners.find((owner) => !nodes.has(owner));
  if (unknown === undefined) return;
  throw invalid(
    `There is no node "${unknown}" that could own a VM.`,
    `Name some of these: ${[...nodes].sort().join(', ')}.`,
  );
}

function checkTogether({ preferredOwners, possibleOwners, failback }: VmAvailability): void {
  const impossible = preferredOwners.find((owner) => possibleOwners.length > 0 && !possibleOwners.includes(owner));
  if (impossible !== undefined) {
    throw invalid(
      `${impossible} is a preferred owner, but no possible one.`,
      'Make it a possible owner too, or prefer others.',
    );
  }
  if (failback.window !== null && failback.window.fromHour === failback.window.toHour) {
    throw invalid('The window for failback is empty.', 'Give different hours, as in 22-6, or "any".');
  }
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)];
}
