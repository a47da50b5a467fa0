import {
  Link as FluentLink,
  makeStyles,
  Table,
  TableBody,
  TableCell,
  TableHeader,
  TableHeaderCell,
  TableRow,
  Text,
  tokens,
} from '@fluentui/react-components';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { useMigrations } from '../live/live-hooks.ts';
import { formatMs, formatTime } from '../ui/format.ts';

const SHOWN = 5;

const useStyles = makeStyles({ figures: { fontVariantNumeric: 'tabular-nums', fontSize: tokens.fontSizeBase200 } });

/** The newest moves of one VM, each with its receipt. */
export function LastMigrations({ vm }: { readonly vm: string }) {
  const styles = useStyles();
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
    <Table size="extra-small" className={styles.figures} aria-label={t('sections.migrations')}>
      <TableHeader>
        <TableRow>
          <TableHeaderCell>{t('moves.when')}</TableHeaderCell>
          <TableHeaderCell>{t('moves.route')}</TableHeaderCell>
          <TableHeaderCell>{t('moves.blackout')}</TableHeaderCell>
          <TableHeaderCell>{t('moves.gap')}</TableHeaderCell>
        </TableRow>
      </TableHeader>
      <TableBody>
        {own.map(({ id, startedAt, source, destination, outcome, blackoutMs, networkGapMs }) => (
          <TableRow key={id}>
            <TableCell>
              <Link href={`/migrations/${id}`} asChild>
                <FluentLink>{formatTime(startedAt)}</FluentLink>
              </Link>
            </TableCell>
            <TableCell>
              {source} → {destination}
            </TableCell>
            <TableCell>
              {outcome === 'completed' ? (blackoutMs === null ? '–' : formatMs(blackoutMs)) : t(`moves.${outcome}`)}
            </TableCell>
            <TableCell>{networkGapMs === null ? '–' : formatMs(networkGapMs)}</TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}
