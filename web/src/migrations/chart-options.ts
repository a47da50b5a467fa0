import { tokens } from '@fluentui/react-components';
import type uPlot from 'uplot';
import type { ChartBand, ChartMark, ChartProps } from './chart-shape.ts';

/** A canvas knows no CSS variables: the tokens of the theme, resolved. */
export interface Colors {
  readonly of: (token: string) => string;
  readonly text: string;
  readonly grid: string;
  readonly font: string;
}

export function colorsOf(element: HTMLElement): Colors {
  const style = getComputedStyle(element);
  const of = (token: string) => style.getPropertyValue(token.slice('var('.length, -1)).trim();
  return {
    of,
    text: of(tokens.colorNeutralForeground3),
    grid: of(tokens.colorNeutralStroke3),
    font: `12px ${style.fontFamily}`,
  };
}

export function chartOptions(input: {
  readonly latest: { readonly current: ChartProps };
  readonly colors: Colors;
  /** In pixels. */
  readonly width: number;
  readonly onPoint: (index: number | null) => void;
}): uPlot.Options {
  const { latest, colors, width, onPoint } = input;
  const { height, series, group, range } = latest.current;
  return {
    width: Math.max(width, 1),
    height,
    padding: [10, 12, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { size: 7 },
      ...(group !== undefined && { sync: { key: group } }),
    },
    scales: {
      x: { time: false, ...(range !== undefined && { range: [range[0], range[1]] }) },
      y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.12 : 1] },
    },
    axes: [axis(latest, colors, 'x'), axis(latest, colors, 'y')],
    series: [
      {},
      ...series.map(({ color, filled, dash, points, label }) => ({
        label,
        stroke: colors.of(color),
        width: 2,
        ...(filled === true && { fill: translucent(colors.of(color), 0.16) }),
        ...(dash !== undefined && { dash: [...dash] }),
        points: { show: points === true, size: 5 },
      })),
    ],
    hooks: {
      drawClear: [(plot) => drawBands(plot, latest.current.bands ?? [], colors)],
      draw: [(plot) => drawMarks(plot, latest.current.marks ?? [], colors)],
      setCursor: [(plot) => onPoint(plot.cursor.idx ?? null)],
    },
  };
}

function axis(latest: { readonly current: ChartProps }, colors: Colors, side: 'x' | 'y'): uPlot.Axis {
  const format = (value: number) => (side === 'x' ? latest.current.formatX(value) : latest.current.formatY(value));
  return {
    stroke: colors.text,
    font: colors.font,
    grid: { show: side === 'y', stroke: colors.grid, width: 1 },
    ticks: { show: side === 'x', stroke: colors.grid, width: 1, size: 4 },
    values: (_plot, splits) => splits.map(format),
    ...(side === 'y' ? { size: 72, space: 34 } : { size: 30, space: 90 }),
  };
}

function drawBands(plot: uPlot, bands: readonly ChartBand[], colors: Colors): void {
  const { ctx, bbox } = plot;
  for (const band of bands) {
    const [from, to] = [plot.valToPos(band.from, 'x', true), plot.valToPos(band.to, 'x', true)];
    const left = Math.max(from, bbox.left);
    const right = Math.min(to, bbox.left + bbox.width);
    if (right <= left) continue;
    ctx.save();
    ctx.fillStyle = translucent(colors.of(band.color), 0.18);
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
    ctx.restore();
  }
}

function drawMarks(plot: uPlot, marks: readonly ChartMark[], colors: Colors): void {
  const { ctx, bbox } = plot;
  const pixel = devicePixelRatio;
  for (const { at, label, side, color, dash } of marks) {
    const x = Math.round(plot.valToPos(at, 'x', true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.save();
    ctx.strokeStyle = colors.of(color);
    ctx.lineWidth = pixel;
    ctx.setLineDash((dash ?? []).map((length) => length * pixel));
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    if (label !== undefined) {
      ctx.fillStyle = colors.of(color);
      ctx.font = colors.font.replace('12px', `600 ${11 * pixel}px`);
      ctx.textBaseline = 'top';
      ctx.textAlign = side === 'left' ? 'right' : 'left';
      ctx.fillText(label, side === 'left' ? x - 5 * pixel : x + 5 * pixel, bbox.top + 3 * pixel);
    }
    ctx.restore();
  }
}

function translucent(color: string, alpha: number): string {
  return `color-mix(in srgb, ${color} ${alpha * 100}%, transparent)`;
}
