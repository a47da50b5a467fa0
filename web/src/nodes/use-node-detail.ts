import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { type DrainPlan, getNode, type NodeDetail, previewDrain } from '../../../src/contract/nodes.ts';
import { useLive, useNode } from '../live/live-hooks.ts';
import { useClient } from '../session/client-context.ts';

/** What changes without a change of the node as the list shows it: votes, the guard's figures, blockers. In milliseconds. */
const PERIOD_MS = 5000;
const BUSY_PERIOD_MS = 1500;

/** All that is known of a node; asked anew with every change of it. */
export function useNodeDetail(name: string): UseQueryResult<NodeDetail> {
  const client = useClient();
  const node = useNode(name);
  const busy = node !== undefined && node.state !== 'up' && node.state !== 'paused';
  return useQuery({
    queryKey: ['node', name, 'detail', node],
    queryFn: () => client.call(getNode, { params: { name } }),
    refetchInterval: busy ? BUSY_PERIOD_MS : PERIOD_MS,
    placeholderData: (before) => (before?.name === name ? before : undefined),
  });
}

/** What a drain of it would do, or has still to do. */
export function useDrainPlan(name: string): UseQueryResult<DrainPlan> {
  const client = useClient();
  const node = useNode(name);
  const open = useLive((state) => state.cluster?.openMigrations ?? 0);
  return useQuery({
    queryKey: ['node', name, 'drain', node, open],
    queryFn: () => client.call(previewDrain, { params: { name } }),
    refetchInterval: BUSY_PERIOD_MS,
    placeholderData: (before) => (before?.node === name ? before : undefined),
  });
}
