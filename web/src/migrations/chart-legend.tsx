import { makeStyles, tokens } from '@fluentui/react-components';
import type { ChartProps, ChartSeries } from './chart-shape.ts';

const useStyles = makeStyles({
  legend: {
    display: 'flex',
    flexWrap: 'wrap',
    columnGap: tokens.spacingHorizontalL,
    rowGap: tokens.spacingVerticalXXS,
    fontSize: tokens.fontSizeBase200,
    color: tokens.colorNeutralForeground2,
    minHeight: tokens.lineHeightBase200,
    lineHeight: tokens.lineHeightBase200,
  },
  item: { display: 'inline-flex', alignItems: 'center', gap: tokens.spacingHorizontalXS, whiteSpace: 'nowrap' },
  value: { fontWeight: tokens.fontWeightSemibold, color: tokens.colorNeutralForeground1 },
  band: { width: '14px', height: '10px', borderRadius: tokens.borderRadiusSmall, opacity: 0.45 },
  at: { marginLeft: 'auto', whiteSpace: 'nowrap' },
});

/** What the lines are, with their values under the pointer, or the newest. */
export function ChartLegend(props: ChartProps & { readonly index: number; readonly pointed: boolean }) {
  const { series, bands = [], x, index, pointed, formatX, formatY, axisLabel } = props;
  const styles = useStyles();
  const at = x[index];
  return (
    <div className={styles.legend} aria-hidden>
      {series.map((each) => {
        const value = each.values[index] ?? null;
        return (
          <span key={each.label} className={styles.item}>
            <Line series={each} />
            {each.label}
            {pointed && value !== null && <span className={styles.value}>{formatY(value)}</span>}
          </span>
        );
      })}
      {bands.map(({ label, color }) => (
        <span key={label} className={styles.item}>
          <span className={styles.band} style={{ backgroundColor: color }} />
          {label}
        </span>
      ))}
      <span className={styles.at}>{pointed && at !== undefined ? formatX(at) : axisLabel}</span>
    </div>
  );
}

function Line({ series: { color, dash, points } }: { readonly series: ChartSeries }) {
  return (
    <svg width="22" height="10" aria-hidden>
      <line x1="0" y1="5" x2="22" y2="5" style={{ stroke: color }} strokeWidth="2" strokeDasharray={dash?.join(' ')} />
      {points === true && <circle cx="11" cy="5" r="3" style={{ fill: color }} />}
    </svg>
  );
}
