import { makeStyles, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import type { MigrationView } from '../../../src/contract/migrations.ts';
import { formatMs } from '../ui/format.ts';
import { Section } from '../ui/section.tsx';
import { FigureTable } from './figure-table.tsx';
import type { Receipt } from './migration-figures.ts';

const useStyles = makeStyles({
  table: { fontSize: tokens.fontSizeBase200 },
  reason: {
    marginTop: tokens.spacingVerticalS,
    fontSize: tokens.fontSizeBase200,
    lineHeight: tokens.lineHeightBase200,
    color: tokens.colorNeutralForeground3,
    // As high as most of the reasons: nothing jumps when it comes.
    minHeight: `calc(4 * ${tokens.lineHeightBase200})`,
    overflowWrap: 'anywhere',
  },
});

/** What was expected before the start beside what came. */
export function ForecastSection({ view }: { readonly view: MigrationView }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const receipt = view.state === 'ended' ? view.receipt : null;
  const { forecast, outcome } = receipt ?? {};
  const totalMs = outcome === 'completed' ? (receipt?.totalMs ?? null) : null;
  const times = (expected: number | null = null, measured: number | null = null) => [
    expected === null ? '–' : formatMs(expected),
    measured === null ? '–' : formatMs(measured),
    expected === null || measured === null ? '–' : signedDifference(measured, expected),
  ];
  const yesNo = (value: boolean | null = null) => (value === null ? '–' : t(value ? 'facts.yes' : 'facts.no'));
  const convergence = [yesNo(forecast?.converges), yesNo(receipt === null ? null : converged(receipt)), '–'];
  return (
    <Section title={t('facts.forecast')}>
      <div className={styles.table}>
        <FigureTable
          label={t('facts.forecast')}
          heads={[t('facts.what'), t('facts.expected'), t('facts.measured'), t('facts.difference')]}
          rows={[
            { key: 'total', cells: [t('figures.total'), ...times(forecast?.totalMs, totalMs)] },
            { key: 'blackout', cells: [t('facts.blackout'), ...times(forecast?.blackoutMs, receipt?.blackoutMs)] },
            { key: 'converges', cells: [t('facts.converges'), ...convergence] },
          ]}
        />
      </div>
      <div className={styles.reason}>
        {forecast === undefined ? (
          t('facts.forecastLater')
        ) : (
          <>
            {t('facts.reason')}: <span lang="en">{forecast.reason}</span>
          </>
        )}
      </div>
    </Section>
  );
}

function converged({ outcome, decisions }: Receipt): boolean | null {
  if (outcome === 'completed') return true;
  return decisions.some(({ what }) => what === 'give-up') ? false : null;
}

/** "+120 ms". */
function signedDifference(value: number, base: number): string {
  const difference = value - base;
  const sign = difference > 0 ? '+' : difference < 0 ? '−' : '±';
  return `${sign}${formatMs(Math.abs(difference))}`;
}
