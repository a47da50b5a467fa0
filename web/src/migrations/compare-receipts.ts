import type { useTranslation } from 'react-i18next';
import { formatBytes, formatDateTime, formatMs, formatPercent, formatRate } from '../ui/format.ts';
import { averageRate, type Receipt } from './migration-figures.ts';

type Translate = ReturnType<typeof useTranslation<'migrations'>>['t'];

type Figure =
  | 'outcome'
  | 'way'
  | 'started'
  | 'total'
  | 'blackout'
  | 'networkGap'
  | 'budget'
  | 'rounds'
  | 'sent'
  | 'memory'
  | 'averageRate'
  | 'framesLost'
  | 'compression'
  | 'encryption';

interface ComparedFigure {
  readonly key: Figure;
  readonly here: string;
  readonly there: string;
  readonly difference: string;
  /** Of the first one; null where neither is better. */
  readonly verdict: 'better' | 'worse' | null;
}

/** Below this share a difference is chance. */
const CHANCE_RATIO = 0.02;

/** Every figure of two receipts, with what lies between them. */
export function compareReceipts(here: Receipt, there: Receipt, t: Translate): ComparedFigure[] {
  const text = (key: Figure, of: (receipt: Receipt) => string): ComparedFigure => ({
    ...{ key, here: of(here), there: of(there), difference: '', verdict: null },
  });
  const figure = (
    key: Figure,
    of: (receipt: Receipt) => number | null,
    how: { readonly format: (value: number) => string; readonly good: 'less' | 'more' | 'neither' },
  ): ComparedFigure => {
    const [a, b] = [of(here), of(there)];
    const shown = (value: number | null) => (value === null ? '–' : how.format(value));
    return {
      ...{ key, here: shown(a), there: shown(b) },
      ...(a === null || b === null
        ? { difference: '', verdict: null }
        : { difference: differenceText(a, b, how.format), verdict: verdictOf(a, b, how.good) }),
    };
  };
  const count = (value: number) => String(value);
  return [
    text('outcome', ({ outcome }) => t(`states.${outcome}`)),
    text('way', ({ source, destination }) => `${source} → ${destination}`),
    text('started', ({ startedAt }) => formatDateTime(startedAt)),
    figure('total', ({ totalMs }) => totalMs, { format: formatMs, good: 'less' }),
    figure('blackout', ({ blackoutMs }) => blackoutMs, { format: formatMs, good: 'less' }),
    figure('networkGap', ({ networkGapMs }) => networkGapMs, { format: formatMs, good: 'less' }),
    figure('budget', ({ budgetUsedMs }) => budgetUsedMs, { format: formatMs, good: 'neither' }),
    figure('rounds', ({ rounds }) => rounds.length, { format: count, good: 'neither' }),
    figure('sent', ({ transferredBytes }) => transferredBytes, { format: formatBytes, good: 'less' }),
    figure('memory', ({ memoryBytes }) => memoryBytes, { format: formatBytes, good: 'neither' }),
    figure('averageRate', averageRate, { format: formatRate, good: 'more' }),
    figure('framesLost', ({ network }) => network.framesLost, { format: count, good: 'less' }),
    text('compression', ({ compression }) => t(`facts.compressions.${compression}`)),
    text('encryption', ({ encrypted }) => t(encrypted ? 'facts.encrypted' : 'facts.clear')),
  ];
}

function differenceText(here: number, there: number, format: (value: number) => string): string {
  if (here === there) return '=';
  const sign = here > there ? '+' : '−';
  const ratio = there === 0 ? '' : ` (${sign}${formatPercent(Math.abs((here - there) / there))})`;
  return `${sign}${format(Math.abs(here - there))}${ratio}`;
}

function verdictOf(here: number, there: number, good: 'less' | 'more' | 'neither'): 'better' | 'worse' | null {
  const chance = Math.abs(here - there) <= CHANCE_RATIO * Math.max(Math.abs(here), Math.abs(there));
  if (good === 'neither' || chance) return null;
  return here < there === (good === 'less') ? 'better' : 'worse';
}
