import type { InstanceId } from '../model/names.ts';
import type { VmDefinition } from '../model/vm.ts';
import type { GuestPort, SwitchoverNetwork } from '../ports/switchover-network.ts';
import type { AgentPorts } from './agent-ports.ts';

/** The taps of an instance. */
export function guestPorts(
  ports: Pick<AgentPorts, 'network'>,
  instance: InstanceId,
  definition: VmDefinition,
): GuestPort[] {
  return definition.nics.map(({ macAddress, switchName }, index) => ({
    ...{ tap: ports.network.tapName(instance, index), macAddress, switchName },
  }));
}

/** What moves a guest's frames on this side of a migration, or why there is nothing that could. */
export function findSwitchover(
  side: 'source' | 'destination',
  { nics }: VmDefinition,
  { switchover, switchoverMissing }: Pick<AgentPorts, 'switchover' | 'switchoverMissing'>,
): { switchover: SwitchoverNetwork; reason: null } | { switchover: null; reason: string } {
  if (switchover === null) return { switchover: null, reason: `the ${side} lacks an IPv4 address for it` };
  if (switchoverMissing.length > 0) {
    return { switchover: null, reason: `the ${side} lacks ${switchoverMissing.join(', ')}` };
  }
  if (nics.length === 0) return { switchover: null, reason: 'the VM has no NIC' };
  return { switchover, reason: null };
}
