/** From measurements to the table of medians and ratios; pure. */
import { type Measurement, SCENARIOS, VARIANTS } from './bench-plan.ts';

type Column = 'totalMs' | 'transferMs' | 'transferToResumeMs' | 'blackoutMs' | 'callToFirstRoundMs';

export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((one, other) => one - other);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  return upper === undefined || lower === undefined ? null : (lower + upper) / 2;
}

/** In the form of a Markdown table, with its columns aligned. */
export function resultsTable(measurements: readonly Measurement[]): string {
  const head = ['scenario', 'variant', 'runs', 'total ms', '× raw', 'transfer ms', '× raw', 'to RESUME ms', '× raw'];
  const rows = [[...head, 'blackout ms (max)', '− raw', 'call to first round ms (max)', 'rounds', 'sent MB']];
  for (const { name } of SCENARIOS) {
    const ofScenario = measurements.filter((one) => one.scenario === name);
    const raw = ofScenario.filter((one) => one.variant === 'raw');
    for (const variant of VARIANTS) {
      const own = ofScenario.filter((one) => one.variant === variant);
      if (own.length > 0) rows.push([name, variant, ...cells(own, raw)]);
    }
  }
  return align(rows);
}

function cells(own: readonly Measurement[], raw: readonly Measurement[]): string[] {
  const completed = own.filter((one) => one.failure === null);
  const lost = own.filter((one) => !one.guestSurvived).length;
  const notes = [
    ...(completed.length < own.length ? [`${own.length - completed.length} failed`] : []),
    ...(lost > 0 ? [`guest lost in ${lost}`] : []),
  ];
  const blackoutMs = medianOf(own, 'blackoutMs');
  const rawBlackoutMs = medianOf(raw, 'blackoutMs');
  const difference = blackoutMs === null || rawBlackoutMs === null ? null : blackoutMs - rawBlackoutMs;
  const sentBytes = median(completed.flatMap((one) => one.transferredBytes ?? []));
  return [
    `${completed.length}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`,
    ...(['totalMs', 'transferMs', 'transferToResumeMs'] as const).flatMap((column) => [
      text(medianOf(own, column), 0),
      ratio(medianOf(own, column), medianOf(raw, column)),
    ]),
    `${text(blackoutMs, 1)} (${text(maxOf(own, 'blackoutMs'), 1)})`,
    difference === null ? '–' : `${difference >= 0 ? '+' : '−'}${Math.abs(difference).toFixed(1)}`,
    `${text(medianOf(own, 'callToFirstRoundMs'), 0)} (${text(maxOf(own, 'callToFirstRoundMs'), 0)})`,
    text(median(completed.flatMap((one) => one.rounds ?? [])), 0),
    text(sentBytes === null ? null : sentBytes / 1e6, 1),
  ];
}

function valuesOf(measurements: readonly Measurement[], column: Column): number[] {
  return measurements.flatMap((one) => (one.failure === null ? (one[column] ?? []) : []));
}

function medianOf(measurements: readonly Measurement[], column: Column): number | null {
  return median(valuesOf(measurements, column));
}

function maxOf(measurements: readonly Measurement[], column: Column): number | null {
  const values = valuesOf(measurements, column);
  return values.length === 0 ? null : Math.max(...values);
}

function text(value: number | null, digits: number): string {
  return value === null ? '–' : value.toFixed(digits);
}

function ratio(value: number | null, raw: number | null): string {
  return value === null || raw === null ? '–' : (value / raw).toFixed(2);
}

function align(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_cell, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => {
    const padded = row.map((cell, column) =>
      column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    return `| ${padded.join(' | ')} |`;
  });
  const rule = widths.map((width, column) => (column < 2 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [lines[0], `| ${rule.join(' | ')} |`, ...lines.slice(1)].join('\n');
}
