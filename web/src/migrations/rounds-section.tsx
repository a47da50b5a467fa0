import { makeStyles, Spinner, tokens } from '@fluentui/react-components';
import { lazy, Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import type { MigrationView } from '../../../src/contract/migrations.ts';
import { formatBytes, formatMs, formatRate } from '../ui/format.ts';
import { Section } from '../ui/section.tsx';
import { Disclosure } from './disclosure.tsx';
import { FigureTable } from './figure-table.tsx';
import { memoryTimeline } from './memory-timeline.ts';
import { type Round, subject } from './migration-figures.ts';

const RoundsCharts = lazy(async () => ({ default: (await import('./rounds-charts.tsx')).RoundsCharts }));

const useStyles = makeStyles({
  // As high as the charts, and the way to the table below them: nothing jumps when they come.
  place: { minHeight: '356px' },
  empty: {
    minHeight: '384px',
    display: 'flex',
    alignItems: 'center',
    justifyContent: 'center',
    color: tokens.colorNeutralForeground3,
    textAlign: 'center',
  },
  brief: {
    display: 'flex',
    alignItems: 'center',
    color: tokens.colorNeutralForeground3,
  },
});

/** The rounds of pre-copy: drawn while they happen, with the figures as a table for those who want them. */
export function RoundsSection({ view }: { readonly view: MigrationView }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const timeline = memoryTimeline(view);
  const { rounds } = subject(view);
  if (timeline === null) {
    const open = view.state === 'open';
    return (
      <Section title={t('rounds.title')}>
        <div className={open ? styles.empty : styles.brief}>{t(open ? 'rounds.nothingYet' : 'rounds.neverCopied')}</div>
      </Section>
    );
  }
  return (
    <Section
      title={t('rounds.title')}
      actions={<span className={styles.brief}>{t('rounds.summary', { count: rounds.length })}</span>}
    >
      <div className={styles.place}>
        <Suspense fallback={<Spinner delay={200} className={styles.place} />}>
          <RoundsCharts timeline={timeline} />
        </Suspense>
      </div>
      <Disclosure summary={t('rounds.data')}>
        <RoundsTable rounds={rounds} />
      </Disclosure>
    </Section>
  );
}

function RoundsTable({ rounds }: { readonly rounds: readonly Round[] }) {
  const { t } = useTranslation('migrations');
  const heads = ['round', 'duration', 'sentInRound', 'remaining', 'dirtyRate', 'bandwidthRate'] as const;
  return (
    <FigureTable
      label={t('rounds.data')}
      heads={heads.map((head) => t(`rounds.${head}`))}
      rows={rounds.map((round) => ({
        key: String(round.round),
        cells: [
          round.round,
          formatMs(round.durationMs),
          formatBytes(round.sentBytes),
          formatBytes(round.remainingBytes),
          round.dirtyBytesPerSecond === null ? t('rounds.notMeasured') : formatRate(round.dirtyBytesPerSecond),
          formatRate(round.bandwidthBytesPerSecond),
        ],
      }))}
    />
  );
}
