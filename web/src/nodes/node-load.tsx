import { makeStyles, Text, tokens } from '@fluentui/react-components';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { getNodeLoad, type LoadSample } from '../../../src/contract/load.ts';
import { useLive } from '../live/live-hooks.ts';
import { useClient } from '../session/client-context.ts';
import { formatBytes, formatPercent, formatRate, formatTime } from '../ui/format.ts';
import { type Curve, LoadChart } from './load-chart.tsx';

const useStyles = makeStyles({
  charts: {
    display: 'grid',
    gridTemplateColumns: 'repeat(auto-fit, minmax(min(100%, 18rem), 1fr))',
    gap: tokens.spacingHorizontalL,
  },
  // Captions may take two lines: the charts stand on one level all the same.
  chart: { margin: 0, minWidth: 0, display: 'flex', flexDirection: 'column', justifyContent: 'space-between' },
  caption: {
    display: 'flex',
    flexWrap: 'wrap',
    columnGap: tokens.spacingHorizontalM,
    alignItems: 'baseline',
    fontVariantNumeric: 'tabular-nums',
  },
  figure: { color: tokens.colorNeutralForeground2, display: 'inline-flex', alignItems: 'center', gap: '6px' },
  swatch: { width: '10px', height: '3px', borderRadius: '2px', flexShrink: 0 },
  scroll: { overflow: 'auto', maxHeight: '14rem' },
  table: {
    borderCollapse: 'collapse',
    fontVariantNumeric: 'tabular-nums',
    '& th, & td': { padding: '2px 12px 2px 0', textAlign: 'end', fontWeight: tokens.fontWeightRegular },
    '& thead th': { color: tokens.colorNeutralForeground3 },
    '& th:first-child': { textAlign: 'start' },
  },
  summary: { cursor: 'pointer', color: tokens.colorNeutralForeground2, marginTop: tokens.spacingVerticalS },
});

/** CPU, memory and network of a node over the last ten minutes. Loaded when it is shown. */
export function NodeLoad({ node }: { readonly node: string }) {
  const styles = useStyles();
  const { t } = useTranslation('nodes');
  const samples = useSamples(node);
  const times = useMemo(() => samples.map(({ at }) => Date.parse(at) / 1000), [samples]);
  const curves = useCurves(samples);
  if (samples.length === 0)
    return (
      <Text>
        {t('noSamples')}. {t('noSamplesText')}
      </Text>
    );
  return (
    <>
      <div className={styles.charts}>
        {curves.map(({ title, lines, max, binary, format }) => (
          <figure key={title} className={styles.chart} aria-label={t('chartLabel', { title, node })}>
            <figcaption className={styles.caption}>
              <Text weight="semibold">{title}</Text>
              {lines.map((line) => (
                <CurveFigure key={line.label} line={line} named={lines.length > 1} format={format} />
              ))}
            </figcaption>
            <LoadChart times={times} curves={lines} max={max} {...(binary === true && { binary })} format={format} />
          </figure>
        ))}
      </div>
      <details>
        <summary className={styles.summary}>{t('chartTable')}</summary>
        <SampleTable samples={samples} />
      </details>
    </>
  );
}

/** The ten minutes before the page was opened, and what has come since. */
function useSamples(node: string): readonly LoadSample[] {
  const client = useClient();
  const live = useLive((state) => state.loads.get(node));
  const before = useQuery({
    queryKey: ['node', node, 'load'],
    queryFn: () => client.call(getNodeLoad, { params: { name: node } }),
    staleTime: 60_000,
  });
  return useMemo(() => {
    const byTime = new Map<string, LoadSample>();
    for (const sample of [...(before.data?.samples ?? []), ...(live?.samples ?? [])]) byTime.set(sample.at, sample);
    return [...byTime.values()].sort((left, right) => (left.at < right.at ? -1 : 1)).slice(-SAMPLES_SHOWN);
  }, [before.data, live]);
}

const SAMPLES_SHOWN = 600;

interface Chart {
  readonly title: string;
  readonly lines: readonly Curve[];
  readonly max: number | null;
  readonly binary?: boolean;
  readonly format: (value: number) => string;
}

function useCurves(samples: readonly LoadSample[]): readonly Chart[] {
  const { t } = useTranslation('nodes');
  return useMemo(() => {
    const of = (pick: (sample: LoadSample) => number) => samples.map(pick);
    const total = samples.at(-1)?.memoryTotalBytes ?? 0;
    return [
      {
        title: t('cpuChart'),
        lines: [{ label: t('cpu'), color: tokens.colorBrandStroke1, values: of((sample) => sample.cpuPercent) }],
        max: 100,
        format: (value) => formatPercent(value / 100),
      },
      {
        title: t('memoryChart'),
        lines: [
          { label: t('used'), color: tokens.colorPalettePurpleBorderActive, values: of((one) => one.memoryUsedBytes) },
        ],
        max: total,
        binary: true,
        format: formatBytes,
      },
      {
        title: t('networkChart'),
        lines: [
          {
            label: t('received'),
            color: tokens.colorPaletteBlueBorderActive,
            values: of((one) => one.receivedBytesPerSecond),
          },
          {
            label: t('sent'),
            color: tokens.colorPaletteMarigoldBorderActive,
            values: of((one) => one.sentBytesPerSecond),
          },
        ],
        max: null,
        format: formatRate,
      },
    ];
  }, [samples, t]);
}

function CurveFigure(props: {
  readonly line: Curve;
  readonly named: boolean;
  readonly format: (value: number) => string;
}) {
  const { line, named, format } = props;
  const styles = useStyles();
  const { t } = useTranslation('nodes');
  const newest = line.values.at(-1) ?? null;
  if (newest === null) return null;
  return (
    <span className={styles.figure}>
      {named && <span className={styles.swatch} style={{ backgroundColor: line.color }} />}
      {named && `${line.label} `}
      {t('chartNow', { value: format(newest) })}
    </span>
  );
}

/** One line for each half minute: enough to read, and quick. */
function SampleTable({ samples }: { readonly samples: readonly LoadSample[] }) {
  const styles = useStyles();
  const { t } = useTranslation('nodes');
  const step = Math.max(1, Math.floor(samples.length / 20));
  const shown = samples.filter((_sample, index) => (samples.length - 1 - index) % step === 0).reverse();
  return (
    // The table scrolls, so the keyboard must get there.
    <div className={styles.scroll} tabIndex={0} role="region" aria-label={t('chartTable')}>
      <table className={styles.table}>
        <thead>
          <tr>
            {[t('time'), t('cpuChart'), t('memoryChart'), t('received'), t('sent')].map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((sample) => (
            <tr key={sample.at}>
              <th scope="row">{formatTime(sample.at)}</th>
              <td>{formatPercent(sample.cpuPercent / 100)}</td>
              <td>{formatBytes(sample.memoryUsedBytes)}</td>
              <td>{formatRate(sample.receivedBytesPerSecond)}</td>
              <td>{formatRate(sample.sentBytesPerSecond)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
