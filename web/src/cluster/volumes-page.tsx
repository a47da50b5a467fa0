import { HardDriveRegular } from '@fluentui/react-icons';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { listImages } from '../../../src/contract/images.ts';
import { useNodes, useVms } from '../live/live-hooks.ts';
import { useClient } from '../session/client-context.ts';
import { EmptyState } from '../ui/empty-state.tsx';
import { formatBytes } from '../ui/format.ts';
import { ObjectLink } from '../ui/object-link.tsx';
import { Page } from '../ui/page.tsx';
import { Section } from '../ui/section.tsx';
import { SmallTable } from '../ui/small-table.tsx';
import { Names, Spread, usePlaceStyles } from './place-parts.tsx';
import { volumePlaces } from './places.ts';

/** Where the disks of the VMs are. */
export function VolumesPage() {
  const styles = usePlaceStyles();
  const { t } = useTranslation('cluster');
  const nodes = useNodes();
  const vms = useVms();
  const { volumes, loose } = useMemo(() => volumePlaces(nodes, vms), [nodes, vms]);
  const freeOf = useFreeSpace();
  return (
    <Page title={t('volumes')} crumbs={[]}>
      <div className={styles.page}>
        <Section title={t('volumes')}>
          <p className={styles.intro}>{t('volumesText')}</p>
          {volumes.length === 0 ? (
            <EmptyState icon={<HardDriveRegular />} title={t('noVolume')} text={t('noVolumeText')} />
          ) : (
            <SmallTable
              label={t('volumes')}
              items={volumes}
              keyOf={(place) => place.path}
              columns={[
                { label: t('volume'), render: (place) => <strong>{place.name}</strong> },
                { label: t('path'), render: (place) => <code>{place.path}</code> },
                { label: t('health'), render: (place) => <Spread {...place} /> },
                { label: t('onNodes'), render: (place) => <Names to="nodes" names={place.nodes} /> },
                { label: t('missingOn'), render: (place) => <Names to="nodes" names={place.missingOn} /> },
                { label: t('disks'), align: 'end', render: (place) => place.disks },
                { label: t('provisioned'), align: 'end', render: (place) => formatBytes(place.provisionedBytes) },
                { label: t('free'), align: 'end', render: (place) => freeOf(place.path) ?? t('freeUnknown') },
                { label: t('attachedVms'), render: (place) => <Names to="vms" names={place.vms} /> },
              ]}
            />
          )}
        </Section>
        {loose.length > 0 && (
          <Section title={t('notOnVolume')}>
            <p className={styles.intro}>{t('notOnVolumeText')}</p>
            <SmallTable
              label={t('notOnVolume')}
              items={loose}
              keyOf={(disk) => `${disk.vm} ${disk.path}`}
              columns={[
                { label: t('attachedVms'), render: (disk) => <ObjectLink to="vms" name={disk.vm} /> },
                { label: t('file'), render: (disk) => <code>{disk.path}</code> },
                { label: t('provisioned'), align: 'end', render: (disk) => formatBytes(disk.sizeBytes) },
              ]}
            />
          </Section>
        )}
      </div>
    </Page>
  );
}

const FREE_PERIOD_MS = 30_000;

/** The cluster says it of the volume that its images are on. */
function useFreeSpace(): (path: string) => string | null {
  const client = useClient();
  const { data } = useQuery({
    queryKey: ['images'],
    queryFn: () => client.call(listImages),
    refetchInterval: FREE_PERIOD_MS,
    retry: false,
  });
  return (path) => (data?.directory.startsWith(`${path}/`) === true ? formatBytes(data.freeBytes) : null);
}
