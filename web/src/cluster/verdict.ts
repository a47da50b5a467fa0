// The state of the cluster in one word, and every reason for it: data in, verdict out. Words are chosen by the page.
import type { ClusterView, NodeView } from '../../../src/contract/cluster.ts';
import type { VmView } from '../../../src/contract/vms.ts';

export type Level = 'healthy' | 'degraded' | 'unprotected' | 'stale';

export type Reason =
  | { readonly key: 'stale' | 'singleNode' | 'notAutomatic' }
  | { readonly key: 'noQuorum'; readonly healthy: number; readonly total: number }
  | { readonly key: 'disarmed'; readonly by: string }
  | { readonly key: 'membersSilent' | 'nodesLost' | 'nodesPaused'; readonly names: readonly string[] }
  | { readonly key: 'vmsFailed'; readonly count: number }
  | { readonly key: 'misfits'; readonly count: number; readonly node: string }
  /** A sentence of the cluster. */
  | { readonly key: 'server'; readonly text: string };

export interface Verdict {
  readonly level: Level;
  /** The gravest one first; empty: all is well. */
  readonly reasons: readonly Reason[];
}

/** So many nodes whose loss leaves VMs without a place are named. */
const MISFITS_NAMED = 3;

export function judgeCluster(
  cluster: ClusterView,
  nodes: readonly NodeView[],
  vms: readonly Pick<VmView, 'state'>[],
): Verdict {
  const grave = graveReasons(cluster);
  const slight = slightReasons(cluster, nodes, vms);
  const reasons = [...grave, ...slight];
  if (!cluster.fresh) return { level: 'stale', reasons: [{ key: 'stale' }, ...reasons] };
  if (grave.length > 0) return { level: 'unprotected', reasons };
  return { level: slight.length > 0 ? 'degraded' : 'healthy', reasons };
}

/** With one of these, a VM whose node dies is not brought back. */
function graveReasons({ quorum, availability, nodes, failover }: ClusterView): Reason[] {
  const reasons: Reason[] = [];
  if (!quorum.held) reasons.push({ key: 'noQuorum', healthy: quorum.healthy, total: quorum.total });
  if (!availability.armed) reasons.push({ key: 'disarmed', by: availability.by ?? '' });
  if (nodes.total === 1) reasons.push({ key: 'singleNode' });
  else if (availability.armed && !failover.automatic) reasons.push({ key: 'notAutomatic' });
  return reasons;
}

function slightReasons(
  cluster: ClusterView,
  nodes: readonly NodeView[],
  vms: readonly Pick<VmView, 'state'>[],
): Reason[] {
  const reasons: Reason[] = [];
  const named = (states: readonly string[]) =>
    nodes.filter(({ state }) => states.includes(state)).map(({ name }) => name);
  const lost = named(['down', 'fenced', 'isolated', 'quarantined']);
  const paused = named(['paused', 'draining']);
  const silent = cluster.quorum.members.filter(({ healthy }) => !healthy).map(({ name }) => name);
  const failed = vms.filter(({ state }) => state === 'failed').length;
  if (lost.length > 0) reasons.push({ key: 'nodesLost', names: lost });
  if (silent.length > 0) reasons.push({ key: 'membersSilent', names: silent });
  if (failed > 0) reasons.push({ key: 'vmsFailed', count: failed });
  reasons.push(...survivalReasons(cluster));
  if (paused.length > 0) reasons.push({ key: 'nodesPaused', names: paused });
  return reasons;
}

function survivalReasons({ survival, failover, nodes }: ClusterView): Reason[] {
  if (survival.survives || nodes.total === 1) return [];
  const short = survival.nodes.filter(({ misfits }) => misfits.length > 0);
  if (short.length > 0) {
    return short.slice(0, MISFITS_NAMED).map(({ node, misfits }) => ({ key: 'misfits', count: misfits.length, node }));
  }
  // Where nothing is brought back by itself, that has been said already.
  return failover.automatic ? [{ key: 'server', text: survival.text }] : [];
}
