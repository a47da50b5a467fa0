import { MessageBar, MessageBarBody } from '@fluentui/react-components';
import { PlugDisconnectedRegular } from '@fluentui/react-icons';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { NodeView } from '../../../src/contract/cluster.ts';
import { useLive, useNodes, useVms } from '../live/live-hooks.ts';
import { EmptyState } from '../ui/empty-state.tsx';
import { formatRate } from '../ui/format.ts';
import { ObjectLink } from '../ui/object-link.tsx';
import { Page } from '../ui/page.tsx';
import { Section } from '../ui/section.tsx';
import { SmallTable } from '../ui/small-table.tsx';
import { Names, Spread, usePlaceStyles } from './place-parts.tsx';
import { switchPlaces } from './places.ts';

/** Where VMs are plugged in, and over what they move. */
export function NetworksPage() {
  const styles = usePlaceStyles();
  const { t } = useTranslation('cluster');
  return (
    <Page title={t('networks')} crumbs={[]}>
      <div className={styles.page}>
        <Switches />
        <MigrationNetworks />
      </div>
    </Page>
  );
}

function Switches() {
  const styles = usePlaceStyles();
  const { t } = useTranslation('cluster');
  const nodes = useNodes();
  const vms = useVms();
  const switches = useMemo(() => switchPlaces(nodes, vms), [nodes, vms]);
  return (
    <Section title={t('switches')}>
      <p className={styles.intro}>{t('switchesText')}</p>
      {switches.length === 0 ? (
        <EmptyState icon={<PlugDisconnectedRegular />} title={t('noSwitch')} text={t('noSwitchText')} />
      ) : (
        <SmallTable
          label={t('switches')}
          items={switches}
          keyOf={(place) => place.name}
          columns={[
            { label: t('switch'), render: (place) => <strong>{place.name}</strong> },
            { label: t('health'), render: (place) => <Spread {...place} /> },
            { label: t('onNodes'), render: (place) => <Names to="nodes" names={place.nodes} /> },
            { label: t('missingOn'), render: (place) => <Names to="nodes" names={place.missingOn} /> },
            { label: t('attachedVms'), render: (place) => <Names to="vms" names={place.vms} /> },
          ]}
        />
      )}
    </Section>
  );
}

function MigrationNetworks() {
  const styles = usePlaceStyles();
  const { t } = useTranslation('cluster');
  const all = useNodes();
  const nodes = useMemo(() => all.filter(({ role }) => role === 'node'), [all]);
  const networks = new Set(nodes.map(({ migration }) => migration.network));
  return (
    <Section title={t('migrationNetworks')}>
      <p className={styles.intro}>{t('migrationNetworksText')}</p>
      {networks.size > 1 && (
        <MessageBar intent="warning">
          <MessageBarBody>{t('migrationMixed')}</MessageBarBody>
        </MessageBar>
      )}
      <SmallTable
        label={t('migrationNetworks')}
        items={nodes}
        keyOf={(node) => node.name}
        columns={[
          { label: t('node'), render: (node) => <ObjectLink to="nodes" name={node.name} /> },
          {
            label: t('network'),
            render: ({ migration: { network } }) =>
              network === null ? t('migrationCluster') : t('migrationDedicated', { network }),
          },
          { label: t('address'), render: (node) => node.migration.address },
          { label: t('limit'), render: ({ migration }) => limitText(migration, t('noLimit')) },
          { label: t('load'), render: (node) => <NetworkLoad node={node} /> },
          { label: t('otherAddresses'), render: (node) => node.addresses.join(', ') },
        ]}
      />
    </Section>
  );
}

function limitText({ bandwidthBytesPerSecond }: NodeView['migration'], none: string): string {
  return bandwidthBytesPerSecond === null ? none : formatRate(bandwidthBytesPerSecond);
}

/** Over all networks of the node together. */
function NetworkLoad({ node: { name, state } }: { readonly node: NodeView }) {
  const sample = useLive(({ loads }) => loads.get(name)?.samples.at(-1));
  // What it said before it fell silent is no load of now.
  if (sample === undefined || state === 'down' || state === 'fenced') return <>–</>;
  return (
    <>
      ↓ {formatRate(sample.receivedBytesPerSecond)} ↑ {formatRate(sample.sentBytesPerSecond)}
    </>
  );
}
