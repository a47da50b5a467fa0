import { useTranslation } from 'react-i18next';
import type { NodeView } from '../../../src/contract/cluster.ts';
import type { NodeDetail } from '../../../src/contract/nodes.ts';
import { useCluster } from '../live/live-hooks.ts';
import { formatDateTime, formatMs, formatTime } from '../ui/format.ts';
import type { Property } from '../ui/property-list.tsx';
import { MemoryBar } from './memory-bar.tsx';
import { NodeCpu, useVoteText } from './node-columns.tsx';
import { fencingOf, voteOf } from './node-facts.ts';

/** `detail`: undefined while it is on its way. */
export function useAbout(node: NodeView, detail: NodeDetail | undefined): readonly Property[] {
  const { t } = useTranslation('nodes');
  const { address, network } = node.migration;
  const silentMs = detail?.silentForMs ?? null;
  const worker = node.role === 'node';
  return [
    { label: t('since'), value: sinceText(detail) },
    { label: t('silentFor'), value: silentMs === null ? null : formatMs(silentMs) },
    { label: t('memory'), value: worker ? <MemoryBar node={node} /> : null },
    {
      label: t('cpu'),
      value: worker ? (
        <>
          {t('cpus', { count: node.cpus })} · <NodeCpu node={node} />
        </>
      ) : null,
    },
    { label: t('addresses'), value: node.addresses.join(', ') },
    {
      label: t('migrationNetwork'),
      value: worker ? (network === null ? t('clusterNetworkUsed', { address }) : `${network} (${address})`) : null,
    },
    {
      label: t('versions'),
      value:
        node.qemuVersion === null
          ? t('agentOnly', { agent: node.agentVersion })
          : t('versionsText', {
              qemu: node.qemuVersion,
              accelerator: (node.accelerator ?? '').toUpperCase(),
              agent: node.agentVersion,
            }),
    },
    { label: t('started'), value: detail === undefined ? null : formatDateTime(detail.agentStartedAt) },
  ];

  function sinceText(of: NodeDetail | undefined): string | null {
    if (of === undefined) return null;
    const { service, membership } = of;
    if (service.mode !== 'active' && service.since !== null) {
      return t('sinceBy', { time: formatDateTime(service.since), by: service.by ?? '' });
    }
    return membership === null ? null : formatDateTime(membership.since);
  }
}

/** What stands between this node and two copies of a VM. */
export function useProtection(node: NodeView, detail: NodeDetail | undefined): readonly Property[] {
  const { t } = useTranslation('nodes');
  const cluster = useCluster();
  const voteText = useVoteText();
  const fencing = fencingOf(cluster, node.name);
  const votes = detail?.takeover?.votes ?? [];
  const evidence = detail?.membership?.evidence ?? null;
  const quarantined = detail?.quarantinedUntil ?? null;
  return [
    { label: t('vote'), value: voteText(voteOf(cluster, node.name)) },
    {
      label: t('authority'),
      value:
        fencing === null
          ? null
          : `${t(`authorities.${fencing.authority}`)}. ${t(`authorityText.${fencing.authority}`)}`,
    },
    { label: t('takeover'), value: takeoverText() },
    { label: t('votesCast'), value: votes.length === 0 ? null : votes.join(', ') },
    { label: t('watchdog'), value: watchdogText() },
    { label: t('guard'), value: guardText() },
    { label: t('powerFencing'), value: powerText() },
    { label: t('evidence'), value: evidence === null ? null : <span lang="en">{evidence}</span> },
    {
      label: t('fencedAt'),
      value: (detail?.fencedAt.length ?? 0) === 0 ? null : detail?.fencedAt.map(formatTime).join(', '),
    },
    { label: t('quarantinedUntil'), value: quarantined === null ? null : formatTime(quarantined) },
  ];

  function takeoverText(): string | null {
    if (fencing === null) return null;
    const { takeoverMs, votesNeeded, voters } = fencing;
    if (takeoverMs === null) return t('takeoverProof');
    const names = voters.join(', ');
    return t('takeoverAfter', {
      ...{ time: formatMs(takeoverMs), needed: votesNeeded ?? voters.length, total: voters.length },
      voters: names,
    });
  }

  function watchdogText(): string | null {
    if (fencing === null) return null;
    const { watchdogMs } = fencing;
    return watchdogMs === null ? t('watchdogNone') : t('watchdogGranted', { time: formatMs(watchdogMs) });
  }

  function guardText(): string | null {
    if (detail === undefined) return null;
    if (detail.guard === null) return t('guardNone');
    const late = t('guardLatency', { latency: formatMs(detail.guard.latencyMaxMs) });
    return detail.guard.frozen ? `${late}. ${t('guardFrozen')}` : late;
  }

  function powerText(): string | null {
    if (detail === undefined) return fencing === null ? null : (fencing.powerFencing ?? t('powerFencingNone'));
    if (detail.powerFencing === null) return t('powerFencingNone');
    const { agent, options } = detail.powerFencing;
    const address = options['ip'] ?? options['ipaddr'];
    return address === undefined ? agent : `${agent} (${address})`;
  }
}
