import { makeStyles, mergeClasses, Spinner, Tab, TabList, tokens } from '@fluentui/react-components';
import { lazy, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { MigrationView } from '../../../src/contract/migrations.ts';
import { formatMs } from '../ui/format.ts';
import { Section } from '../ui/section.tsx';
import { type ClientSight, clientSight, type Samples } from './client-sight.ts';
import { Disclosure } from './disclosure.tsx';
import { FigureTable } from './figure-table.tsx';
import type { Receipt } from './migration-figures.ts';

const ClientChart = lazy(async () => ({ default: (await import('./client-chart.tsx')).ClientChart }));

const useStyles = makeStyles({
  place: { minHeight: '216px' },
  // As high as the chart and what is said below it: nothing jumps when they come.
  waiting: { minHeight: '310px' },
  quiet: { color: tokens.colorNeutralForeground3 },
  says: { marginTop: tokens.spacingVerticalS, fontSize: tokens.fontSizeBase200, lineHeight: tokens.lineHeightBase200 },
  tabs: { '@media print': { display: 'none' } },
});

/** The guest as somebody outside saw it, around its stop. */
export function ClientSection({ view }: { readonly view: MigrationView }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  if (view.state === 'ended') return <Seen receipt={view.receipt} />;
  return (
    <Section title={t('client.title')}>
      <div className={mergeClasses(styles.waiting, styles.quiet)}>{t('client.live')}</div>
    </Section>
  );
}

function Seen({ receipt }: { readonly receipt: Receipt }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const [range, setRange] = useState<'around' | 'all'>('around');
  const { probe } = receipt.network;
  const samples = probe?.samples;
  if (samples === undefined || samples.atMs.length === 0) return <NotSeen receipt={receipt} />;
  const sight = clientSight(samples, { networkGapMs: receipt.networkGapMs, gapAtMs: probe?.gapAtMs });
  return (
    <Section
      title={t('client.title')}
      actions={
        <TabList
          size="small"
          className={styles.tabs}
          aria-label={t('client.range')}
          selectedValue={range}
          onTabSelect={(_event, { value }) => setRange(value === 'all' ? 'all' : 'around')}
        >
          <Tab value="around">{t('client.around')}</Tab>
          <Tab value="all">{t('client.all')}</Tab>
        </TabList>
      }
    >
      <div className={styles.place}>
        <Suspense fallback={<Spinner delay={200} />}>
          <ClientChart
            {...{ samples, sight }}
            range={range === 'all' ? null : sight.around}
            blackoutMs={receipt.blackoutMs}
            networkGapMs={receipt.networkGapMs}
          />
        </Suspense>
      </div>
      <Says receipt={receipt} sight={sight} />
      <Disclosure summary={t('client.data')}>
        <SamplesTable samples={samples} />
      </Disclosure>
    </Section>
  );
}

function Says({ receipt, sight }: { readonly receipt: Receipt; readonly sight: ClientSight }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const { networkGapMs, network } = receipt;
  const { worstMs, usualMs, unanswered, gap } = sight;
  const gapAtMs = network.probe?.gapAtMs;
  return (
    <div className={styles.says}>
      {worstMs !== null && usualMs !== null && (
        <div>{t('client.worst', { worst: formatMs(worstMs), usual: formatMs(usualMs) })}</div>
      )}
      {unanswered > 0 && <div>{t('client.unanswered', { count: unanswered })}</div>}
      {gap === null && networkGapMs !== null && gapAtMs !== undefined && (
        <div>
          {t('client.elsewhere', {
            gap: formatMs(networkGapMs),
            when: t(gapAtMs < 0 ? 'client.before' : 'client.after', { time: formatMs(Math.abs(gapAtMs)) }),
          })}
        </div>
      )}
      <Probe receipt={receipt} />
    </div>
  );
}

function Probe({ receipt: { network } }: { readonly receipt: Receipt }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  if (network.probe === null) return null;
  const { kind, intervalMs } = network.probe;
  return <div className={styles.quiet}>{t('client.probe', { kind, interval: formatMs(intervalMs) })}</div>;
}

function NotSeen({ receipt }: { readonly receipt: Receipt }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const { notMeasured, complete } = receipt;
  const reason = notMeasured['network.probe.samples'] ?? notMeasured['network.probe'];
  return (
    <Section title={t('client.title')}>
      <div className={mergeClasses(!complete && styles.waiting, styles.quiet)}>
        {complete ? t('client.notRecorded') : t('client.measuring')}{' '}
        {complete && reason !== undefined && <span lang="en">({reason})</span>}
      </div>
      {complete && <Probe receipt={receipt} />}
    </Section>
  );
}

function SamplesTable({ samples: { atMs, latencyMs } }: { readonly samples: Samples }) {
  const { t } = useTranslation('migrations');
  return (
    <FigureTable
      label={t('client.data')}
      heads={[t('client.asked'), t('client.waited')]}
      rows={atMs.map((at, index) => {
        const waited = latencyMs[index] ?? null;
        return {
          key: `${index} ${at}`,
          cells: [
            `${at < 0 ? '−' : '+'}${formatMs(Math.abs(at))}`,
            waited === null ? t('client.noAnswer') : formatMs(waited),
          ],
        };
      })}
    />
  );
}
