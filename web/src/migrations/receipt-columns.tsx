import { Link } from '@fluentui/react-components';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { Link as RouteLink } from 'wouter';
import { formatBytes, formatMs, formatTime } from '../ui/format.ts';
import type { Column } from '../ui/list-columns.ts';
import { StateBadge } from '../ui/state-badge.tsx';
import { budgetVerdict, type Receipt } from './migration-figures.ts';
import { OUTCOME_TONES } from './migration-tone.ts';

const VERDICTS = {
  kept: { tone: 'good', text: 'list.keptYes' },
  widened: { tone: 'warning', text: 'list.keptWidened' },
  exceeded: { tone: 'bad', text: 'list.keptNo' },
} as const;

export function useReceiptColumns(): readonly Column<Receipt>[] {
  const { t } = useTranslation('migrations');
  return useMemo(() => {
    const ms = (id: 'total' | 'blackout' | 'networkGap', of: (receipt: Receipt) => number | null): Column<Receipt> => ({
      ...{ id, label: t(`list.${id}`), width: id === 'networkGap' ? '100px' : '90px', align: 'end', sortBy: of },
      render: (receipt) => figure(of(receipt), formatMs),
    });
    const columns: Column<Receipt>[] = [
      {
        ...{ id: 'vm', label: t('list.vm'), width: 'minmax(100px, 1fr)', sortBy: ({ vm }) => vm },
        render: ({ vm, id }) => (
          <RouteLink href={`/migrations/${id}`} asChild>
            <Link>{vm}</Link>
          </RouteLink>
        ),
      },
      {
        ...{ id: 'from', label: t('list.from'), width: 'minmax(56px, 0.6fr)', wideOnly: true },
        ...{ sortBy: ({ source }) => source, render: ({ source }) => source },
      },
      {
        ...{ id: 'to', label: t('list.to'), width: 'minmax(56px, 0.6fr)' },
        ...{ sortBy: ({ destination }) => destination, render: ({ destination }) => destination },
      },
      {
        ...{ id: 'outcome', label: t('list.outcome'), width: '136px', sortBy: ({ outcome }) => outcome },
        render: ({ outcome }) => <StateBadge tone={OUTCOME_TONES[outcome]} text={t(`states.${outcome}`)} />,
      },
      {
        ...{ id: 'started', label: t('list.started'), width: '118px', wideOnly: true },
        ...{ sortBy: ({ startedAt }) => startedAt, render: ({ startedAt }) => formatTime(startedAt) },
      },
      ms('total', ({ totalMs }) => totalMs),
      ms('blackout', ({ blackoutMs }) => blackoutMs),
      ms('networkGap', ({ networkGapMs }) => networkGapMs),
      {
        ...{ id: 'kept', label: t('list.kept'), width: '124px', wideOnly: true },
        sortBy: (receipt) => budgetVerdict(receipt),
        render: (receipt) => {
          const verdict = budgetVerdict(receipt);
          return verdict === null ? '–' : <StateBadge tone={VERDICTS[verdict].tone} text={t(VERDICTS[verdict].text)} />;
        },
      },
      {
        ...{ id: 'budget', label: t('list.budget'), width: '110px', align: 'end', hiddenAtFirst: true },
        ...{ sortBy: ({ budgetMs }) => budgetMs, render: ({ budgetMs }) => formatMs(budgetMs) },
      },
      {
        ...{ id: 'sent', label: t('list.sent'), width: '90px', align: 'end', hiddenAtFirst: true },
        sortBy: ({ transferredBytes }) => transferredBytes,
        render: ({ transferredBytes }) => figure(transferredBytes, formatBytes),
      },
      {
        ...{ id: 'rounds', label: t('list.rounds'), width: '70px', align: 'end', hiddenAtFirst: true },
        ...{ sortBy: ({ rounds }) => rounds.length, render: ({ rounds }) => rounds.length },
      },
    ];
    return columns;
  }, [t]);
}

function figure(value: number | null, format: (value: number) => string): string {
  return value === null ? '–' : format(value);
}
