import { useMemo } from 'react';
import { useNodes, useVms } from '../live/live-hooks.ts';

/** Names of all virtual switches of the cluster. */
export function useSwitches(): readonly string[] {
  const nodes = useNodes();
  const vms = useVms();
  return useMemo(() => {
    const ofNodes = nodes.flatMap((node) => ('switches' in node ? (node.switches as readonly string[]) : []));
    const ofVms = vms.flatMap((vm) => vm.nics.map((nic) => nic.switchName));
    return [...new Set([...ofNodes, ...ofVms])].sort();
  }, [nodes, vms]);
}
