export interface ChartSeries {
  readonly label: string;
  /** As many as there are points on the axis; null: a hole. */
  readonly values: readonly (number | null)[];
  /** A Fluent token, "var(--…)". */
  readonly color: string;
  readonly filled?: boolean;
  /** Lengths of line and hole: lines are told apart without their colours too. */
  readonly dash?: readonly number[];
  readonly points?: boolean;
}

/** A line across the chart at a point of the axis. */
export interface ChartMark {
  readonly at: number;
  readonly label?: string;
  /** On which side of the line its label stands. */
  readonly side?: 'left' | 'right';
  readonly color: string;
  readonly dash?: readonly number[];
}

/** A part of the axis that is tinted. */
export interface ChartBand {
  readonly from: number;
  readonly to: number;
  readonly label: string;
  readonly color: string;
}

export interface ChartProps {
  /** What is to be seen, for those who do not see it. */
  readonly label: string;
  /** In pixels. */
  readonly height: number;
  /** Ascending. */
  readonly x: readonly number[];
  readonly series: readonly ChartSeries[];
  readonly formatX: (value: number) => string;
  readonly formatY: (value: number) => string;
  /** Of the values, for the shape of the chart: a chart is made anew when it changes. */
  readonly unit: string;
  /** Part of the axis that is shown; all of it by default. */
  readonly range?: readonly [from: number, to: number];
  readonly marks?: readonly ChartMark[];
  readonly bands?: readonly ChartBand[];
  /** Charts of one name show the same point under the pointer. */
  readonly group?: string;
  /** Said of the point under the pointer, or of the last one. */
  readonly axisLabel: string;
}
