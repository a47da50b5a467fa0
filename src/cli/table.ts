import { type Look, padEnd, padStart, textWidth, truncate } from './look.ts';

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly align?: 'left' | 'right';
  /** May be cut when the table is wider than the terminal. */
  readonly shrink?: boolean;
}

const GAP = '  ';
const SHRUNK_MIN = 8;

/** Rows under a line of titles, columns as wide as their widest cell. No line break at the end. */
export function renderTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[], look: Look): string {
  const cells = rows.map((row) => columns.map((column) => column.value(row)));
  const widths = columns.map((column, index) =>
    Math.max(textWidth(column.title), ...cells.map((line) => textWidth(line[index] ?? ''))),
  );
  shrinkTo(widths, columns, look.columns);
  const line = (values: readonly string[]) =>
    values.map((value, index) => cell(value, widths[index] ?? 0, columns[index]?.align)).join(GAP);
  const title = look.paint('bold', line(columns.map((column) => column.title)).trimEnd());
  return [title, ...cells.map((values) => line(values).trimEnd())].join('\n');
}

function cell(value: string, width: number, align: 'left' | 'right' | undefined): string {
  const shown = truncate(value, width);
  return align === 'right' ? padStart(shown, width) : padEnd(shown, width);
}

function shrinkTo(widths: number[], columns: readonly Column<never>[], available: number): void {
  let excess = widths.reduce((sum, width) => sum + width, 0) + GAP.length * (widths.length - 1) - available;
  for (const [index, column] of columns.entries()) {
    const width = widths[index] ?? 0;
    if (excess <= 0 || column.shrink !== true) continue;
    const narrower = Math.max(Math.min(width, SHRUNK_MIN), width - excess);
    excess -= width - narrower;
    widths[index] = narrower;
  }
}

/** Label and value, one pair a line; the values line up. */
export function renderFacts(facts: readonly (readonly [label: string, value: string])[], look: Look): string {
  const width = Math.max(...facts.map(([label]) => textWidth(label)));
  return facts.map(([label, value]) => `${look.paint('dim', padEnd(label, width))}  ${value}`).join('\n');
}
