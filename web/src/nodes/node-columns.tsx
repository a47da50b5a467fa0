import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { ClusterView, NodeView } from '../../../src/contract/cluster.ts';
import { useLive } from '../live/live-hooks.ts';
import { formatPercent } from '../ui/format.ts';
import type { Column } from '../ui/list-columns.ts';
import { StateBadge } from '../ui/state-badge.tsx';
import { nodeTone } from '../ui/tones.ts';
import { MemoryBar } from './memory-bar.tsx';
import { fencingOf, usedRatio, type Vote, voteOf } from './node-facts.ts';

const VOTE_TEXT = { leader: 'voteLeader', yes: 'voteYes', silent: 'voteSilent', no: 'voteNo' } as const;

export function useVoteText(): (vote: Vote) => string {
  const { t } = useTranslation('nodes');
  return (vote) => t(VOTE_TEXT[vote]);
}

export function useNodeColumns(cluster: ClusterView | null): readonly Column<NodeView>[] {
  const { t } = useTranslation(['nodes', 'ui']);
  return useMemo(
    () => [
      {
        ...{ id: 'name', label: t('columns.name'), width: 'minmax(90px, 1.2fr)' },
        render: (node) => node.name,
        sortBy: (node) => node.name,
      },
      {
        ...{ id: 'state', label: t('columns.state'), width: 'minmax(130px, 1.2fr)' },
        render: (node) => <StateBadge tone={nodeTone(node.state)} text={t(`ui:nodeStates.${node.state}`)} />,
        sortBy: (node) => node.state,
      },
      {
        ...{ id: 'vms', label: t('columns.vms'), width: 'minmax(48px, 0.5fr)', align: 'end' },
        render: (node) => (node.role === 'witness' ? '–' : node.vms.length),
        sortBy: (node) => (node.role === 'witness' ? null : node.vms.length),
      },
      {
        ...{ id: 'memory', label: t('columns.memory'), width: 'minmax(170px, 2fr)', wideOnly: true },
        render: (node) => <MemoryBar node={node} />,
        sortBy: (node) => (node.role === 'witness' ? null : usedRatio(node)),
      },
      {
        ...{ id: 'cpu', label: t('columns.cpu'), width: 'minmax(60px, 0.6fr)', align: 'end', wideOnly: true },
        render: (node) => <NodeCpu node={node} />,
      },
      {
        ...{ id: 'votes', label: t('columns.votes'), width: 'minmax(84px, 0.9fr)', wideOnly: true },
        render: (node) => t(VOTE_TEXT[voteOf(cluster, node.name)]),
        sortBy: (node) => voteOf(cluster, node.name),
      },
      {
        ...{ id: 'authority', label: t('columns.authority'), width: 'minmax(76px, 0.8fr)', wideOnly: true },
        render: (node) => authorityText(cluster, node.name, t),
        sortBy: (node) => fencingOf(cluster, node.name)?.authority ?? null,
      },
      {
        ...{ id: 'address', label: t('columns.address'), width: 'minmax(90px, 0.9fr)', wideOnly: true },
        render: (node) => node.addresses[0] ?? '–',
        sortBy: (node) => node.addresses[0] ?? null,
      },
      {
        ...{ id: 'qemu', label: t('columns.qemu'), width: 'minmax(84px, 0.9fr)', wideOnly: true },
        render: (node) => (node.qemuVersion === null ? '–' : `${node.qemuVersion} ${node.accelerator ?? ''}`),
        sortBy: (node) => node.qemuVersion,
      },
      {
        ...{ id: 'agent', label: t('columns.agent'), width: 'minmax(90px, 0.8fr)', hiddenAtFirst: true },
        render: (node) => node.agentVersion,
        sortBy: (node) => node.agentVersion,
      },
    ],
    [t, cluster],
  );
}

type Translate = ReturnType<typeof useTranslation<'nodes'>>['t'];

function authorityText(cluster: ClusterView | null, node: string, t: Translate): string {
  const fencing = fencingOf(cluster, node);
  return fencing === null ? '–' : t(`authorities.${fencing.authority}`);
}

/** "31 %", of all of its CPUs. What a node said before it fell silent is not shown as if it were so now. */
export function NodeCpu({ node: { name, state } }: { readonly node: NodeView }) {
  const percent = useLive(({ loads }) => loads.get(name)?.samples.at(-1)?.cpuPercent);
  const silent = state === 'down' || state === 'fenced' || state === 'isolated';
  return <>{percent === undefined || silent ? '–' : formatPercent(percent / 100)}</>;
}
