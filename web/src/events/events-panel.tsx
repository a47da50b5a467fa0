import { Button, makeStyles, Spinner, tokens } from '@fluentui/react-components';
import { AlertOffRegular, CheckmarkCircleRegular } from '@fluentui/react-icons';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { EmptyState } from '../ui/empty-state.tsx';
import { FailureText } from '../ui/failure-text.tsx';
import { EventList } from './event-list.tsx';
import type { EventFilter } from './select-events.ts';
import { useEvents } from './use-events.ts';

const useStyles = makeStyles({
  more: { display: 'flex', justifyContent: 'center', padding: tokens.spacingVerticalS },
  none: {
    display: 'flex',
    alignItems: 'center',
    gap: tokens.spacingHorizontalS,
    color: tokens.colorNeutralForeground3,
    paddingBlock: tokens.spacingVerticalS,
  },
});

const PAGE_SIZE = 20;

/** The newest events about a VM or a node, or of the whole cluster; new ones come by themselves. */
export function EventsPanel(props: {
  readonly vm?: string;
  readonly node?: string;
  readonly criticalOnly?: boolean;
  /** How many at most, without a way to older ones; all by default, page by page. */
  readonly limit?: number;
  /** Said while there are none. */
  readonly none?: string;
}) {
  const { vm, node, criticalOnly, limit, none } = props;
  const styles = useStyles();
  const { t } = useTranslation('events');
  const filter = useMemo<EventFilter>(
    () => ({
      ...(vm !== undefined && { vm }),
      ...(node !== undefined && { node }),
      ...(criticalOnly === true && { critical: true }),
    }),
    [vm, node, criticalOnly],
  );
  const { events, loading, error, loadOlder, loadingOlder } = useEvents(filter, limit ?? PAGE_SIZE);
  if (loading) return <Spinner size="tiny" delay={200} label={t('loading')} />;
  if (events.length === 0 && error !== null) return <FailureText error={error} />;
  if (events.length === 0) {
    return (
      <div className={styles.none}>
        <CheckmarkCircleRegular aria-hidden /> {none ?? t('none')}
      </div>
    );
  }
  return (
    <>
      <EventList events={limit === undefined ? events : events.slice(0, limit)} compact />
      {limit === undefined && loadOlder !== null && (
        <div className={styles.more}>
          <Button size="small" appearance="subtle" disabled={loadingOlder} onClick={loadOlder}>
            {t('loadOlder')}
          </Button>
        </div>
      )}
    </>
  );
}

/** Nothing passes the filters, or nothing has ever happened. */
export function NoEvents({ filtered }: { readonly filtered: boolean }) {
  const { t } = useTranslation('events');
  return (
    <EmptyState
      icon={<AlertOffRegular />}
      title={filtered ? t('noneFiltered') : t('none')}
      text={filtered ? t('noneFilteredText') : t('noneText')}
    />
  );
}
