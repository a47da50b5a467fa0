import { makeStyles, type Theme, tokens } from '@fluentui/react-components';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { currentLanguage } from '../text/i18n.ts';
import { useAppearance } from '../ui/appearance.tsx';

const useStyles = makeStyles({
  root: {
    minWidth: 0,
    // uPlot's own legend is replaced by the words above the chart.
    '& .u-legend': { display: 'none' },
  },
});

export interface Curve {
  readonly label: string;
  /** A token of the theme: the chart resolves it. */
  readonly color: string;
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly curves: readonly Curve[];
  /** Upper end of the scale; null: as the values need. */
  readonly max: number | null;
  /** Whether the scale has powers of two: for memory. */
  readonly binary?: boolean;
  readonly format: (value: number) => string;
}

const POWERS_OF_TWO = Array.from({ length: 46 }, (_none, power) => 2 ** power);

const HEIGHT = 132;
/** The time that is shown, in seconds. */
const SPAN_S = 600;

/** Curves over the last ten minutes. It draws itself anew with every sample and with the width of its place. */
export function LoadChart(props: ChartProps) {
  const { times, curves, max, binary = false, format } = props;
  const styles = useStyles();
  const { theme } = useAppearance();
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shape = JSON.stringify(curves.map(({ label, color }) => [label, color]));
  const data = useRef<uPlot.AlignedData>([[]]);
  data.current = [[...times], ...curves.map(({ values }) => [...values])];
  const formatNow = useRef(format);
  formatNow.current = format;
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const lines = JSON.parse(shape) as [string, string][];
    const made = new uPlot(
      options({ width: element.clientWidth, theme, lines, max, binary, format: (value) => formatNow.current(value) }),
      data.current,
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape, theme, max, binary]);
  useEffect(() => {
    plot.current?.setData(data.current);
  }, [times, curves]);
  return <div ref={place} className={styles.root} aria-hidden />;
}

function options(of: {
  readonly width: number;
  readonly theme: Theme;
  readonly lines: readonly (readonly [string, string])[];
  readonly max: number | null;
  readonly binary: boolean;
  readonly format: (value: number) => string;
}): uPlot.Options {
  const values: Readonly<Record<string, string | number>> = { ...of.theme };
  const color = (token: string) => String(values[token.replace(/^var\(--(\w+)\)$/, '$1')] ?? token);
  const clock = new Intl.DateTimeFormat(currentLanguage(), { hour: '2-digit', minute: '2-digit' });
  const axis = {
    stroke: color(tokens.colorNeutralForeground3),
    grid: { stroke: color(tokens.colorNeutralStroke3), width: 1 },
    ticks: { show: false },
    font: `11px ${color(tokens.fontFamilyBase)}`,
  };
  return {
    width: of.width,
    height: HEIGHT,
    padding: [8, 8, 0, 0],
    cursor: { show: false },
    legend: { show: false },
    scales: {
      x: { range: (_plot, _min, newest) => [newest - SPAN_S, newest] },
      y: { range: (_plot, _min, highest) => [0, of.max ?? Math.max(1, (highest ?? 0) * 1.15)] },
    },
    axes: [
      { ...axis, space: 64, size: 24, values: (_plot, times) => times.map((at) => clock.format(at * 1000)) },
      {
        ...axis,
        size: 68,
        space: 34,
        ...(of.binary && { incrs: POWERS_OF_TWO }),
        values: (_plot, values) => values.map((value) => of.format(value)),
      },
    ],
    series: [
      {},
      ...of.lines.map(([label, token], index) => ({
        label,
        stroke: color(token),
        width: 1.5,
        points: { show: false },
        ...(index === 0 && { fill: `${color(token)}26` }),
      })),
    ],
  };
}
