import { makeStyles, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import { currentLanguage } from '../text/i18n.ts';
import { Chart } from './chart.tsx';
import type { ChartMark } from './chart-shape.ts';
import type { MemoryTimeline } from './memory-timeline.ts';

const MEBIBYTE = 2 ** 20;
const MEGABYTE = 1e6;
const GROUP = 'godwit-rounds';

const useStyles = makeStyles({
  charts: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalM },
});

/** Memory above, rates below, over the same seconds. */
export function RoundsCharts({ timeline }: { readonly timeline: MemoryTimeline }) {
  const styles = useStyles();
  const { t } = useTranslation('migrations');
  const { atS, leftBytes, sentBytes, bandwidth, dirtyRate, roundEndsS } = timeline;
  const marks: ChartMark[] = roundEndsS.map((at) => ({ at, color: tokens.colorNeutralStroke1, dash: [2, 3] }));
  const common = {
    x: atS,
    formatX: (seconds: number) => `${figure(seconds, seconds < 10 ? 2 : 1)} s`,
    axisLabel: t('rounds.time'),
    marks,
    group: GROUP,
  };
  const scaled = (values: readonly (number | null)[], unit: number) =>
    values.map((value) => (value === null ? null : value / unit));
  return (
    <div className={styles.charts}>
      <Chart
        {...common}
        label={t('rounds.chart')}
        height={190}
        unit="MiB"
        formatY={(value) => `${figure(value, 1)} MiB`}
        series={[
          {
            label: t('rounds.left'),
            values: scaled(leftBytes, MEBIBYTE),
            color: tokens.colorBrandForeground1,
            filled: true,
          },
          {
            label: t('rounds.sent'),
            values: scaled(sentBytes, MEBIBYTE),
            color: tokens.colorPalettePurpleBorderActive,
            dash: [6, 4],
          },
        ]}
      />
      <Chart
        {...common}
        label={t('rounds.rates')}
        height={120}
        unit="MB/s"
        formatY={(value) => `${figure(value, 1)} MB/s`}
        series={[
          {
            label: t('rounds.bandwidth'),
            values: scaled(bandwidth, MEGABYTE),
            color: tokens.colorPaletteBlueBorderActive,
          },
          {
            label: t('rounds.dirty'),
            values: scaled(dirtyRate, MEGABYTE),
            color: tokens.colorPaletteDarkOrangeBorderActive,
            dash: [6, 4],
          },
        ]}
      />
    </div>
  );
}

function figure(value: number, digits: number): string {
  return new Intl.NumberFormat(currentLanguage(), { maximumFractionDigits: digits }).format(value);
}
