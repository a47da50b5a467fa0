import {
  Badge,
  Link as FluentLink,
  makeStyles,
  MessageBar,
  MessageBarBody,
  MessageBarTitle,
  Text,
  tokens,
} from '@fluentui/react-components';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { explainVm } from '../../../src/contract/availability.ts';
import type { VmView } from '../../../src/contract/vms.ts';
import { EventsPanel } from '../events/events-panel.tsx';
import { useVmCpu } from '../live/live-hooks.ts';
import { MigrationStrip } from '../migrations/migration-strip.tsx';
import { useClient } from '../session/client-context.ts';
import { formatBytes, formatDateTime, formatMs, formatPercent } from '../ui/format.ts';
import { type Property, PropertyList } from '../ui/property-list.tsx';
import { Section } from '../ui/section.tsx';
import { LastMigrations } from './last-migrations.tsx';
import { shownState } from './shown-state.ts';
import { VmStateBadge } from './vm-state-badge.tsx';

const useStyles = makeStyles({
  root: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalM },
  head: { display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: tokens.spacingHorizontalM },
  columns: {
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fit, minmax(min(100%, 22rem), 1fr))',
    gap: tokens.spacingHorizontalM,
  },
  list: { margin: 0, paddingLeft: tokens.spacingHorizontalL },
  path: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200 },
});

/** All that is known of one VM. */
export function VmDetails({ vm }: { readonly vm: VmView }) {
  const styles = useStyles();
  const { t } = useTranslation(['vms', 'ui']);
  return (
    <div className={styles.root}>
      <div className={styles.head}>
        <Text size={500} weight="semibold">
          {vm.name}
        </Text>
        <VmStateBadge vm={vm} />
        {vm.reason !== null && shownState(vm) === vm.state && (
          <Text lang="en" size={200}>
            {vm.reason}
          </Text>
        )}
      </div>
      <Alerts vm={vm} />
      {vm.migration !== null && <MigrationStrip vm={vm.name} />}
      <div className={styles.columns}>
        <Section title={t('vms:sections.summary')}>
          <PropertyList items={useSummary(vm)} />
        </Section>
        <Section title={t('vms:sections.availability')}>
          <PropertyList items={useAvailability(vm)} />
        </Section>
        <StorageSection vm={vm} />
        <NetworkSection vm={vm} />
        <WhySection vm={vm} />
        <Section title={t('vms:sections.migrations')}>
          <LastMigrations vm={vm.name} />
        </Section>
      </div>
      <Section title={t('vms:sections.events')}>
        <EventsPanel vm={vm.name} />
      </Section>
    </div>
  );
}

function Alerts({ vm }: { readonly vm: VmView }) {
  const { t } = useTranslation('vms');
  return (
    <>
      {vm.error !== null && (
        <MessageBar intent="error" layout="multiline">
          <MessageBarBody>
            <MessageBarTitle>{vm.error.code}</MessageBarTitle>{' '}
            <span lang="en">
              {vm.error.message} {vm.error.nextStep}
            </span>
          </MessageBarBody>
        </MessageBar>
      )}
      {vm.saved !== null && (
        <MessageBar intent="info" layout="multiline">
          <MessageBarBody>
            <MessageBarTitle>{t('saved')}</MessageBarTitle>{' '}
            {t('savedText', { when: formatDateTime(vm.saved.savedAt), size: formatBytes(vm.saved.sizeBytes) })}
          </MessageBarBody>
        </MessageBar>
      )}
      {vm.pending !== null && (
        <MessageBar intent="info" layout="multiline">
          <MessageBarBody>
            <MessageBarTitle>{t(vm.saved === null ? 'pending' : 'pendingSaved')}</MessageBarTitle>{' '}
            <span lang="en">{vm.pending.changes.join(' ')}</span>
          </MessageBarBody>
        </MessageBar>
      )}
    </>
  );
}

function useSummary(vm: VmView): readonly Property[] {
  const { t } = useTranslation(['vms', 'ui']);
  const cpu = useVmCpu(vm.name);
  const runs = vm.state === 'running' || vm.state === 'migrating';
  return [
    { label: t('vms:columns.owner'), value: vm.owner === null ? '–' : <NodeLink name={vm.owner} /> },
    { label: t('vms:columns.addresses'), value: vm.addresses.join(', ') || '–' },
    { label: t('vms:clientAccess'), value: vm.nics.map(({ switchName }) => switchName).join(', ') || '–' },
    { label: t('vms:columns.cpus'), value: cpus() },
    { label: t('vms:columns.memory'), value: formatBytes(vm.memoryBytes) },
    { label: t('vms:since'), value: vm.since === null ? null : formatDateTime(vm.since) },
    { label: t('vms:processor'), value: `${vm.cpuModel} (${vm.accelerator.toUpperCase()})` },
    { label: t('vms:machine'), value: vm.machineType },
    { label: t('vms:created'), value: formatDateTime(vm.createdAt) },
  ];
  function cpus(): string {
    return runs && cpu !== undefined ? `${vm.cpus} · ${formatPercent(cpu / 100)}` : String(vm.cpus);
  }
}

function useAvailability(vm: VmView): readonly Property[] {
  const { t } = useTranslation(['vms', 'ui']);
  const { priority, preferredOwners, possibleOwners, antiAffinity, failback } = vm.availability;
  const names = (list: readonly string[], none: string) => (list.length === 0 ? none : list.join(', '));
  return [
    {
      label: t('vms:columns.type'),
      value: vm.highlyAvailable ? t('vms:highlyAvailable') : t('vms:notHighlyAvailable'),
    },
    { label: t('vms:columns.priority'), value: t(`ui:priorities.${priority}`) },
    { label: t('vms:columns.automaticStart'), value: vm.automaticStart ? t('ui:yes') : t('ui:no') },
    { label: t('vms:preferredOwners'), value: names(preferredOwners, t('ui:none')) },
    { label: t('vms:possibleOwners'), value: names(possibleOwners, t('vms:everyNode')) },
    { label: t('vms:antiAffinity'), value: antiAffinity.length === 0 ? null : antiAffinity.join(', ') },
    { label: t('vms:failback'), value: failbackText() },
    { label: t('vms:columns.budget'), value: budgetText() },
  ];
  function budgetText(): string {
    const budget = formatMs(vm.budgetMs);
    if (vm.budgetMaxMs === null) return t('vms:budgetFixed', { budget });
    return t('vms:budgetUpTo', { budget, max: formatMs(vm.budgetMaxMs) });
  }
  function failbackText(): string {
    if (!failback.enabled) return t('vms:failbackOff');
    const { window } = failback;
    return window === null
      ? t('vms:failbackNow')
      : t('vms:failbackWindow', { from: window.fromHour, to: window.toHour });
  }
}

function NodeLink({ name }: { readonly name: string }) {
  return (
    <Link href={`/nodes/${name}`} asChild>
      <FluentLink>{name}</FluentLink>
    </Link>
  );
}

function StorageSection({ vm }: { readonly vm: VmView }) {
  const styles = useStyles();
  const { t } = useTranslation(['vms', 'ui']);
  const disks = vm.disks.map(({ id, path, format, sizeBytes }) => ({
    label: id,
    value: (
      <>
        {formatBytes(sizeBytes)} <Badge appearance="outline">{format}</Badge>
        <br />
        <span className={styles.path}>{path}</span>
      </>
    ),
  }));
  const media = vm.cdroms.map(({ id, path }) => ({
    label: t(`vms:cdroms.${id}`),
    value: <span className={styles.path}>{path}</span>,
  }));
  return (
    <Section title={t('vms:sections.storage')}>
      {disks.length + media.length === 0 ? t('ui:none') : <PropertyList items={[...disks, ...media]} />}
    </Section>
  );
}

function NetworkSection({ vm }: { readonly vm: VmView }) {
  const styles = useStyles();
  const { t } = useTranslation(['vms', 'ui']);
  const nics = vm.nics.map(({ id, macAddress, switchName, address }) => ({
    label: id,
    value: (
      <>
        {switchName} · {address ?? t('vms:ownAddress')}
        <br />
        <span className={styles.path}>{macAddress}</span>
      </>
    ),
  }));
  return (
    <Section title={t('vms:sections.network')}>
      {nics.length === 0 ? t('ui:none') : <PropertyList items={nics} />}
    </Section>
  );
}

/** "Why is it here, why does it not run?" */
function WhySection({ vm }: { readonly vm: VmView }) {
  const styles = useStyles();
  const { t } = useTranslation('vms');
  const client = useClient();
  const { data } = useQuery({
    queryKey: ['vm', vm.name, 'explanation', vm.owner, vm.state],
    queryFn: () => client.call(explainVm, { params: { name: vm.name } }),
  });
  return (
    <Section title={t('sections.why')}>
      <ul className={styles.list} lang="en">
        {data?.why.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
        {data?.obstacles.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
    </Section>
  );
}
