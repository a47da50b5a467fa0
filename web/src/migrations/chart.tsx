import { makeStyles, tokens } from '@fluentui/react-components';
import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useTaste } from '../ui/taste.tsx';
import { ChartLegend } from './chart-legend.tsx';
import { type Colors, chartOptions, colorsOf } from './chart-options.ts';
import type { ChartProps } from './chart-shape.ts';

const useStyles = makeStyles({
  root: { minWidth: 0, fontVariantNumeric: 'tabular-nums' },
  // uPlot makes the canvas as wide as it is told; it must never widen the page.
  host: { width: '100%', overflow: 'hidden', '& .u-over': { cursor: 'crosshair' } },
  print: { '@media print': { breakInside: 'avoid' } },
  figure: { margin: 0 },
  caption: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200 },
});

/** Lines over a common axis, drawn by uPlot: quick enough to be drawn anew with every figure that comes. */
export function Chart(props: ChartProps) {
  const { label, height, series, x } = props;
  const styles = useStyles();
  const { isDark } = useTaste();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  const [pointedAt, setPointedAt] = useState<number | null>(null);
  const [colors, setColors] = useState<Colors | null>(null);
  useEffect(() => {
    latest.current = props;
  });
  useEffect(() => {
    if (host.current !== null) setColors(colorsOf(host.current));
  }, [isDark]);
  const shape = JSON.stringify([height, props.range ?? null, props.unit, series.map((each) => each.label)]);
  useEffect(() => {
    const element = host.current;
    if (element === null || colors === null) return undefined;
    const made = new uPlot(
      chartOptions({ latest, colors, width: element.clientWidth, onPoint: setPointedAt }),
      dataOf(latest.current),
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height: latest.current.height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
    // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for the parts of the props that need a new chart.
  }, [colors, shape]);
  useEffect(() => {
    plot.current?.setData(dataOf(props));
  });
  return (
    <figure className={styles.figure} aria-label={label}>
      <ChartLegend {...props} index={pointedAt ?? x.length - 1} pointed={pointedAt !== null} />
      <div ref={host} className={styles.host} style={{ height }} role="img" aria-label={label} />
    </figure>
  );
}

function dataOf({ x, series }: ChartProps): uPlot.AlignedData {
  return [[...x], ...series.map(({ values }) => [...values])];
}
