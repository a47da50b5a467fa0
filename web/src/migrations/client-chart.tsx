import { tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import { formatMs } from '../ui/format.ts';
import { Chart } from './chart.tsx';
import type { ChartBand, ChartMark } from './chart-shape.ts';
import type { ClientSight, Samples } from './client-sight.ts';

export function ClientChart(props: {
  readonly samples: Samples;
  readonly sight: ClientSight;
  readonly range: readonly [fromMs: number, toMs: number] | null;
  readonly blackoutMs: number | null;
  readonly networkGapMs: number | null;
}) {
  const { samples, sight, range, blackoutMs, networkGapMs } = props;
  const { t } = useTranslation('migrations');
  const marks: ChartMark[] = [
    { at: 0, label: t('client.stop'), side: 'left', color: tokens.colorStatusDangerForeground1 },
    ...(blackoutMs === null
      ? []
      : [
          {
            at: blackoutMs,
            label: t('client.resume'),
            side: 'right' as const,
            color: tokens.colorStatusSuccessForeground1,
            dash: [4, 3],
          },
        ]),
  ];
  const bands: ChartBand[] =
    sight.gap === null || networkGapMs === null
      ? []
      : [
          {
            from: sight.gap[0],
            to: sight.gap[1],
            label: t('client.gap', { gap: formatMs(networkGapMs) }),
            color: tokens.colorPaletteMarigoldBorderActive,
          },
        ];
  return (
    <Chart
      label={t('client.chart')}
      height={200}
      unit="ms"
      x={samples.atMs}
      formatX={(ms) => (ms === 0 ? '0' : `${ms < 0 ? '−' : '+'}${formatMs(Math.abs(ms))}`)}
      formatY={formatMs}
      axisLabel={t('client.time')}
      {...(range !== null && { range })}
      marks={marks}
      bands={bands}
      series={[
        {
          label: t('client.latency'),
          values: samples.latencyMs,
          color: tokens.colorBrandForeground1,
          points: true,
          filled: true,
        },
      ]}
    />
  );
}
