import { makeStyles } from '@fluentui/react-components';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { usePrinting } from '../ui/printing.tsx';
import { useAppearance } from '../ui/appearance.tsx';
import { ChartLegend } from './chart-legend.tsx';
import { type Colors, chartOptions, colorsOf } from './chart-options.ts';
import type { ChartProps } from './chart-shape.ts';

const useStyles = makeStyles({
  // uPlot makes the canvas as wide as it is told; it must never widen the page.
  host: {
    width: '100%',
    overflow: 'hidden',
    '& .u-over': { cursor: 'crosshair' },
    // Paper has another width than the screen, and is there before the chart could be drawn anew.
    '@media print': { '& .uplot, & canvas': { width: '100% !important' } },
  },
  figure: { margin: 0, minWidth: 0, fontVariantNumeric: 'tabular-nums', '@media print': { breakInside: 'avoid' } },
});

/** Lines over a common axis, drawn by uPlot: quick enough to be drawn anew with every figure that comes. */
export function Chart(props: ChartProps) {
  const { label, height, series, x } = props;
  const styles = useStyles();
  const { isDark } = useAppearance();
  const printing = usePrinting();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  const [pointedAt, setPointedAt] = useState<number | null>(null);
  const [colors, setColors] = useState<Colors | null>(null);
  useEffect(() => {
    latest.current = props;
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the colours are those of the theme, which changes with these.
  useLayoutEffect(() => {
    if (host.current !== null) setColors(colorsOf(host.current));
  }, [isDark, printing]);
  const shape = JSON.stringify([height, props.range ?? null, props.unit, series.map((each) => each.label)]);
  useLayoutEffect(() => {
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
