import { useMemo } from 'react';
import { useNodes, useVms } from '../live/live-hooks.ts';

/** Names of all virtual switches of the cluster. */
export function useSwitches(): readonly string[] {
  const nodes = useNodes();
  const vms = useVms();
  return useMemo(() => {
    const ofNodes = nodes.flatMap((node) => node.switches);
    const ofVms = vms.flatMap((vm) => vm.nics.map((nic) => nic.switchName));
    return [...new Set([...ofNodes, ...ofVms])].sort();
  }, [nodes, vms]);
}
