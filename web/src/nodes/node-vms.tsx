import { Text } from '@fluentui/react-components';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { NodeView } from '../../../src/contract/cluster.ts';
import { useLive, useVmCpu } from '../live/live-hooks.ts';
import { formatBytes, formatPercent } from '../ui/format.ts';
import { ObjectLink } from '../ui/object-link.tsx';
import { SmallTable } from '../ui/small-table.tsx';
import { VmStateBadge } from '../vms/vm-state-badge.tsx';

/** The VMs that it owns. */
export function NodeVms({ node }: { readonly node: NodeView }) {
  const { t } = useTranslation(['nodes', 'ui']);
  const known = useLive((state) => state.vms);
  const vms = useMemo(
    () =>
      [...node.vms]
        .sort((left, right) => left.localeCompare(right, undefined, { numeric: true }))
        .map((name) => known.get(name))
        .filter((vm) => vm !== undefined),
    [node.vms, known],
  );
  if (node.role === 'witness') return <Text>{t('nodes:vmsWitness')}</Text>;
  if (vms.length === 0) {
    return (
      <Text>
        {t('nodes:vmsNone')}. {t('nodes:vmsNoneText', { free: formatBytes(node.memory.freeBytes) })}
      </Text>
    );
  }
  return (
    <SmallTable
      label={t('nodes:sections.vms')}
      items={vms}
      keyOf={(vm) => vm.name}
      columns={[
        { label: t('nodes:vm'), render: (vm) => <ObjectLink to="vms" name={vm.name} /> },
        {
          label: t('nodes:vmState'),
          render: (vm) => <VmStateBadge vm={vm} />,
        },
        { label: t('nodes:highlyAvailable'), render: (vm) => (vm.highlyAvailable ? t('ui:yes') : t('ui:no')) },
        { label: t('nodes:vmMemory'), align: 'end', render: (vm) => formatBytes(vm.memoryBytes) },
        { label: t('nodes:vmCpu'), align: 'end', render: (vm) => <VmCpu name={vm.name} /> },
      ]}
    />
  );
}

function VmCpu({ name }: { readonly name: string }) {
  const percent = useVmCpu(name);
  return <>{percent === undefined ? '–' : formatPercent(percent / 100)}</>;
}
