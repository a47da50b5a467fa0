import { makeStyles, MessageBar, MessageBarBody, Spinner, Text, tokens } from '@fluentui/react-components';
import { AddRegular, ShieldCheckmarkRegular, ShieldProhibitedRegular } from '@fluentui/react-icons';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'wouter';
import type { ClusterView } from '../../../src/contract/cluster.ts';
import { EventsPanel } from '../events/events-panel.tsx';
import { useCluster, useMigrations, useNodes, useVms } from '../live/live-hooks.ts';
import { MigrationStrip } from '../migrations/migration-strip.tsx';
import { formatDateTime } from '../ui/format.ts';
import { Page } from '../ui/page.tsx';
import { PropertyList } from '../ui/property-list.tsx';
import { Section } from '../ui/section.tsx';
import { StateBadge } from '../ui/state-badge.tsx';
import { DisarmDialog, useArm } from './arm-actions.tsx';
import { FirstSteps } from './first-steps.tsx';
import { NodeCards } from './node-cards.tsx';
import { QuorumSection } from './quorum-section.tsx';
import { SurvivalSection } from './survival-section.tsx';
import { judgeCluster } from './verdict.ts';
import { BannerButton, VerdictBanner } from './verdict-banner.tsx';
import { ClusterMemory } from './cluster-memory.tsx';
import { VmStates } from './vm-states.tsx';

const useStyles = makeStyles({
  root: {
    display: 'flex',
    flexDirection: 'column',
    gap: tokens.spacingVerticalM,
    padding: `0 ${tokens.spacingHorizontalL} ${tokens.spacingVerticalL}`,
  },
  columns: {
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fit, minmax(min(100%, 18.5rem), 1fr))',
    gap: tokens.spacingHorizontalM,
  },
  line: { display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: tokens.spacingHorizontalS },
  stack: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalS },
  link: { color: tokens.colorBrandForegroundLink, fontSize: tokens.fontSizeBase200 },
});

const CRITICAL_SHOWN = 6;

/** How the cluster is, at a glance, and what to do about it. */
export function ClusterPage() {
  const styles = useStyles();
  const { t } = useTranslation('cluster');
  const cluster = useCluster();
  if (cluster === null) return <Spinner delay={300} aria-label={t('levels.stale')} style={{ minHeight: '12rem' }} />;
  return (
    <Page title={cluster.name}>
      <div className={styles.root}>
        <Verdict cluster={cluster} />
        <FirstSteps cluster={cluster} />
        <OpenMigrations />
        <div className={styles.columns}>
          <Section title={t('vms')} actions={<More to="/vms" />}>
            <VmStates total={cluster.vms.total} byState={cluster.vms.byState} />
            <ClusterMemory />
          </Section>
          <QuorumSection cluster={cluster} />
          <SurvivalSection cluster={cluster} />
        </div>
        <NodesSection cluster={cluster} />
        <div className={styles.columns}>
          <FailoverSection cluster={cluster} />
          <Section title={t('criticalEvents')} actions={<More to="/events?critical=true" />}>
            <EventsPanel criticalOnly limit={CRITICAL_SHOWN} none={t('noCritical')} />
          </Section>
          <VersionsSection cluster={cluster} />
        </div>
      </div>
    </Page>
  );
}

function Verdict({ cluster }: { readonly cluster: ClusterView }) {
  const { t } = useTranslation('cluster');
  const [, navigate] = useLocation();
  const nodes = useNodes();
  const vms = useVms();
  const arm = useArm();
  const [disarming, setDisarming] = useState(false);
  const { armed } = cluster.availability;
  return (
    <>
      <VerdictBanner
        verdict={judgeCluster(cluster, nodes, vms)}
        actions={
          <>
            <BannerButton
              label={t('newVm')}
              action="new-vm"
              icon={<AddRegular />}
              primary={armed}
              onClick={() => navigate('/new-vm')}
            />
            {armed ? (
              <BannerButton
                label={t('disarm')}
                action="disarm"
                icon={<ShieldProhibitedRegular />}
                onClick={() => setDisarming(true)}
              />
            ) : (
              <BannerButton label={t('arm')} action="arm" icon={<ShieldCheckmarkRegular />} primary onClick={arm} />
            )}
          </>
        }
      />
      {disarming && <DisarmDialog onClose={() => setDisarming(false)} />}
    </>
  );
}

function More({ to }: { readonly to: string }): ReactElement {
  const styles = useStyles();
  const { t } = useTranslation('cluster');
  return (
    <Link href={to} className={styles.link}>
      {t('showAll')}
    </Link>
  );
}

function OpenMigrations() {
  const styles = useStyles();
  const { t } = useTranslation('cluster');
  const open = useMigrations().flatMap((view) => (view.state === 'open' ? [view.progress.vm] : []));
  if (open.length === 0) return null;
  return (
    <Section title={t('openMigrations')} actions={<More to="/migrations" />}>
      <div className={styles.stack}>
        {open.map((vm) => (
          <MigrationStrip key={vm} vm={vm} />
        ))}
      </div>
    </Section>
  );
}

function NodesSection({ cluster }: { readonly cluster: ClusterView }) {
  const { t } = useTranslation('cluster');
  const nodes = useNodes();
  const { up, total } = cluster.nodes;
  return (
    <Section title={`${t('nodes')} · ${t('nodesUp', { up, total })}`} actions={<More to="/nodes" />}>
      <NodeCards nodes={nodes} />
    </Section>
  );
}

function FailoverSection({ cluster }: { readonly cluster: ClusterView }) {
  const styles = useStyles();
  const { t } = useTranslation('cluster');
  const { failover, availability } = cluster;
  const { armed, since, by, reason } = availability;
  return (
    <Section title={t('failover')}>
      <div className={styles.stack}>
        <span className={styles.line}>
          <StateBadge
            tone={armed ? (failover.automatic ? 'good' : 'warning') : 'bad'}
            text={armed ? t('armedLabel') : t('disarmedLabel')}
          />
          {armed && <Text>{t(failover.automatic ? 'failoverOn' : 'failoverOff')}</Text>}
        </span>
        {!armed && since !== null && (
          <Text>{t('since', { time: formatDateTime(since), by: by ?? '', reason: reason ?? '' })}</Text>
        )}
        {failover.notes.map((note) => (
          <MessageBar key={note} intent="warning" layout="multiline">
            <MessageBarBody lang="en">{note}</MessageBarBody>
          </MessageBar>
        ))}
      </div>
    </Section>
  );
}

function VersionsSection({ cluster }: { readonly cluster: ClusterView }) {
  const styles = useStyles();
  const { t } = useTranslation('cluster');
  const { agent, qemu, store } = cluster.versions;
  const mixed = [agent, qemu, store].some((versions) => versions.length > 1);
  return (
    <Section title={t('versions')}>
      <div className={styles.stack}>
        <PropertyList
          items={[
            { label: t('agent'), value: agent.join(', ') || '–' },
            { label: 'QEMU', value: qemu.join(', ') || '–' },
            { label: t('store'), value: store.length === 0 ? '–' : `etcd ${store.join(', ')}` },
            { label: t('clusterId'), value: cluster.id },
          ]}
        />
        {mixed && (
          <MessageBar intent="info">
            <MessageBarBody>{t('versionsMixed')}</MessageBarBody>
          </MessageBar>
        )}
      </div>
    </Section>
  );
}
