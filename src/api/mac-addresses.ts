import type { ClusterState } from '../model/cluster-state.ts';
import type { ApiContext } from './context.ts';
import { existingVms } from './read-state.ts';

/** Of all NICs that VMs have or are going to have. */
export function usedMacAddresses(state: ClusterState): Set<string> {
  const definitions = existingVms(state).flatMap(({ record: { value } }) => [
    value.definition,
    ...(value.pendingDefinition === undefined ? [] : [value.pendingDefinition]),
  ]);
  return new Set(definitions.flatMap(({ nics }) => nics.map((nic) => nic.macAddress)));
}

/** One that is not used; it is then. */
export function newMacAddress(context: Pick<ApiContext, 'ids'>, used: Set<string>): string {
  let address = context.ids.macAddress();
  while (used.has(address)) address = context.ids.macAddress();
  used.add(address);
  return address;
}
