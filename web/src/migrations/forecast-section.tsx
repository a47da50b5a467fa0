import { makeStyles, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import type { MigrationView } from '../../../src/contract/migrations.ts';
import { formatMs, formatPercent } from '../ui/format.ts';
import { Section } from '../ui/section.tsx';
import { FigureTable } from './figure-table.tsx';
import type { Receipt } from './migration-figures.ts';

const useStyles = makeStyles({
  quiet: { color: tokens.colorNeutralForeground3 },
  reason: {
    marginTop: tokens.spacingVerticalS,
    fontSize: tokens.fontSizeBase200,
    lineHeight: tokens.lineHeightBase200,
    color: tokens.colorNeutralForeground3,
    overflowWrap: 'anywhere',
  },
});

/** What was expected before the start beside what came. */
export function ForecastSection({ view }: { readonly view: MigrationView }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  return (
    <Section title={t('facts.forecast')}>
      {view.state === 'open' ? (
        <div className={styles.quiet}>{t('facts.forecastLater')}</div>
      ) : (
        <Beside receipt={view.receipt} />
      )}
    </Section>
  );
}

function Beside({ receipt }: { readonly receipt: Receipt }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const { forecast, totalMs, blackoutMs, outcome } = receipt;
  const completed = outcome === 'completed';
  const times = (expected: number | null, measured: number | null) => [
    expected === null ? '–' : formatMs(expected),
    measured === null ? '–' : formatMs(measured),
    expected === null || measured === null ? '–' : signedDifference(measured, expected),
  ];
  const yesNo = (value: boolean | null) => (value === null ? '–' : t(value ? 'facts.yes' : 'facts.no'));
  return (
    <>
      <FigureTable
        label={t('facts.forecast')}
        heads={[t('facts.what'), t('facts.expected'), t('facts.measured'), t('facts.difference')]}
        rows={[
          { key: 'total', cells: [t('figures.total'), ...times(forecast.totalMs, completed ? totalMs : null)] },
          { key: 'blackout', cells: [t('figures.blackout'), ...times(forecast.blackoutMs, blackoutMs)] },
          {
            key: 'converges',
            cells: [t('facts.converges'), yesNo(forecast.converges), yesNo(converged(receipt)), ''],
          },
        ]}
      />
      <div className={styles.reason}>
        {t('facts.reason')}: <span lang="en">{forecast.reason}</span>
      </div>
    </>
  );
}

function converged({ outcome, decisions }: Receipt): boolean | null {
  if (outcome === 'completed') return true;
  return decisions.some(({ what }) => what === 'give-up') ? false : null;
}

/** "+120 ms (+12 %)". */
export function signedDifference(value: number, base: number): string {
  const difference = value - base;
  const sign = difference > 0 ? '+' : difference < 0 ? '−' : '±';
  const ratio = base === 0 ? '' : ` (${sign}${formatPercent(Math.abs(difference / base))})`;
  return `${sign}${formatMs(Math.abs(difference))}${ratio}`;
}
