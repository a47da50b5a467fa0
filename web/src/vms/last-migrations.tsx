import { Link as FluentLink, Text } from '@fluentui/react-components';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { useMigrations } from '../live/live-hooks.ts';
import { formatMs, formatTime } from '../ui/format.ts';
import { SmallTable } from '../ui/small-table.tsx';

const SHOWN = 5;

/** The newest moves of one VM, each with its receipt. */
export function LastMigrations({ vm }: { readonly vm: string }) {
  const { t } = useTranslation('vms');
  const migrations = useMigrations();
  const own = useMemo(
    () =>
      migrations
        .flatMap((view) => (view.state === 'ended' && view.receipt.vm === vm ? [view.receipt] : []))
        .slice(0, SHOWN),
    [migrations, vm],
  );
  if (own.length === 0) return <Text>{t('neverMoved')}</Text>;
  return (
    <SmallTable
      label={t('sections.migrations')}
      items={own}
      keyOf={({ id }) => id}
      columns={[
        {
          label: t('moves.when'),
          render: ({ id, startedAt }) => (
            <Link href={`/migrations/${id}`} asChild>
              <FluentLink>{formatTime(startedAt)}</FluentLink>
            </Link>
          ),
        },
        { label: t('moves.route'), render: ({ source, destination }) => `${source} → ${destination}` },
        {
          label: t('moves.blackout'),
          align: 'end',
          render: ({ outcome, blackoutMs }) => (outcome === 'completed' ? figure(blackoutMs) : t(`moves.${outcome}`)),
        },
        { label: t('moves.gap'), align: 'end', render: ({ networkGapMs }) => figure(networkGapMs) },
      ]}
    />
  );
}

function figure(ms: number | null): string {
  return ms === null ? '–' : formatMs(ms);
}
