import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { VmView } from '../../../src/contract/vms.ts';
import { useLive, useVmCpu } from '../live/live-hooks.ts';
import type { LiveState } from '../live/live-store.ts';
import { formatBytes, formatMs, formatPercent } from '../ui/format.ts';
import type { Column } from '../ui/list-columns.ts';
import { shownState } from './shown-state.ts';
import { VmStateBadge } from './vm-state-badge.tsx';

/** The columns that administrators know from Windows, and the gap of the last move. */
export function useVmColumns(): readonly Column<VmView>[] {
  const { t } = useTranslation(['vms', 'ui']);
  return useMemo(
    () => [
      {
        ...{ id: 'name', label: t('vms:columns.name'), width: 'minmax(100px, 2fr)' },
        render: (vm) => vm.name,
        sortBy: (vm) => vm.name,
      },
      {
        ...{ id: 'state', label: t('vms:columns.state'), width: 'minmax(146px, 1fr)' },
        render: (vm) => <VmStateBadge vm={vm} />,
        sortBy: shownState,
      },
      {
        ...{ id: 'type', label: t('vms:columns.type'), width: 'minmax(104px, 1fr)', wideOnly: true },
        render: (vm) => (vm.highlyAvailable ? t('vms:highlyAvailable') : t('vms:notHighlyAvailable')),
        sortBy: (vm) => Number(vm.highlyAvailable),
      },
      {
        ...{ id: 'owner', label: t('vms:columns.owner'), width: 'minmax(72px, 1fr)' },
        render: (vm) => vm.owner ?? '–',
        sortBy: (vm) => vm.owner,
      },
      {
        ...{
          id: 'automaticStart',
          label: t('vms:columns.automaticStart'),
          width: 'minmax(92px, 0.8fr)',
          wideOnly: true,
        },
        render: (vm) => (vm.automaticStart ? t('ui:yes') : t('ui:no')),
        sortBy: (vm) => Number(vm.automaticStart),
      },
      {
        ...{ id: 'memory', label: t('vms:columns.memory'), width: 'minmax(72px, 0.7fr)', align: 'end', wideOnly: true },
        render: (vm) => formatBytes(vm.memoryBytes),
        sortBy: (vm) => vm.memoryBytes,
      },
      {
        ...{ id: 'cpu', label: t('vms:columns.cpu'), width: 'minmax(48px, 0.5fr)', align: 'end', wideOnly: true },
        render: (vm) => <CpuCell name={vm.name} running={vm.state === 'running' || vm.state === 'migrating'} />,
      },
      {
        ...{ id: 'gap', label: t('vms:columns.gap'), width: 'minmax(124px, 0.8fr)', align: 'end', wideOnly: true },
        render: (vm) => <GapCell name={vm.name} />,
      },
      {
        ...{ id: 'addresses', label: t('vms:columns.addresses'), width: 'minmax(110px, 1fr)', hiddenAtFirst: true },
        render: (vm) => vm.addresses.join(', ') || '–',
        sortBy: (vm) => vm.addresses[0] ?? null,
      },
      {
        ...{ id: 'priority', label: t('vms:columns.priority'), width: 'minmax(80px, 0.8fr)', hiddenAtFirst: true },
        render: (vm) => t(`ui:priorities.${vm.availability.priority}`),
        sortBy: (vm) => vm.availability.priority,
      },
      {
        ...{
          id: 'cpus',
          label: t('vms:columns.cpus'),
          width: 'minmax(64px, 0.6fr)',
          align: 'end',
          hiddenAtFirst: true,
        },
        render: (vm) => vm.cpus,
        sortBy: (vm) => vm.cpus,
      },
      {
        ...{
          id: 'budget',
          label: t('vms:columns.budget'),
          width: 'minmax(80px, 0.8fr)',
          align: 'end',
          hiddenAtFirst: true,
        },
        render: (vm) => formatMs(vm.budgetMs),
        sortBy: (vm) => vm.budgetMs,
      },
    ],
    [t],
  );
}

function CpuCell({ name, running }: { readonly name: string; readonly running: boolean }) {
  const percent = useVmCpu(name);
  return !running || percent === undefined ? '–' : formatPercent(percent / 100);
}

/** Network gap of the newest completed migration that the page knows of. */
function GapCell({ name }: { readonly name: string }) {
  const gap = useLive((state) => lastGapMs(state, name));
  return gap === null ? '–' : formatMs(gap);
}

let newestByVm: { readonly of: LiveState['migrations']; readonly gaps: ReadonlyMap<string, number> } | null = null;

/** Made once for all rows of one state. */
function lastGapMs({ migrations }: LiveState, name: string): number | null {
  if (newestByVm?.of !== migrations) {
    const newest = new Map<string, { readonly at: string; readonly gap: number }>();
    for (const view of migrations.values()) {
      if (view.state !== 'ended' || view.receipt.networkGapMs === null) continue;
      const { vm, endedAt, networkGapMs } = view.receipt;
      if (endedAt > (newest.get(vm)?.at ?? '')) newest.set(vm, { at: endedAt, gap: networkGapMs });
    }
    newestByVm = { of: migrations, gaps: new Map([...newest].map(([vm, { gap }]) => [vm, gap])) };
  }
  return newestByVm.gaps.get(name) ?? null;
}
