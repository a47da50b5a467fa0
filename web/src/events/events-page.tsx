import { Button, Caption1, makeStyles, MessageBar, MessageBarBody, Spinner, tokens } from '@fluentui/react-components';
import { useDeferredValue, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'wouter';
import { EVENT_KINDS } from '../../../src/model/events.ts';
import { FailureText } from '../ui/failure-text.tsx';
import { Page } from '../ui/page.tsx';
import { EventFilters } from './event-filters.tsx';
import { EventList } from './event-list.tsx';
import { NoEvents } from './events-panel.tsx';
import type { EventFilter } from './select-events.ts';
import { useEvents } from './use-events.ts';

const useStyles = makeStyles({
  root: { display: 'flex', flexDirection: 'column', height: '100%', minHeight: 0 },
  scroll: {
    flexGrow: 1,
    minHeight: 0,
    overflow: 'auto',
    backgroundColor: tokens.colorNeutralBackground1,
    borderTop: `${tokens.strokeWidthThin} solid ${tokens.colorNeutralStroke2}`,
  },
  end: {
    display: 'flex',
    justifyContent: 'center',
    padding: tokens.spacingVerticalM,
    color: tokens.colorNeutralForeground3,
  },
});

/** The event log. Its filters are in the address: `/events?vm=WebServer&critical=true`. */
export function EventsPage() {
  const styles = useStyles();
  const { t } = useTranslation('events');
  const [filter, setFilter] = useAddressFilter();
  // Typing stays quick while the cluster is asked.
  const asked = useDeferredValue(filter);
  const { events, loading, error, loadOlder, loadingOlder, fresh } = useEvents(asked);
  return (
    <Page
      title={t('title')}
      crumbs={[]}
      beside={loading ? undefined : <Caption1>{t('count', { count: events.length })}</Caption1>}
    >
      <div className={styles.root}>
        <EventFilters filter={filter} onChange={setFilter} />
        {!fresh && (
          <MessageBar intent="warning">
            <MessageBarBody>{t('stale')}</MessageBarBody>
          </MessageBar>
        )}
        {error !== null && (
          <MessageBar intent="error" layout="multiline">
            <MessageBarBody>
              {t('failed')} <FailureText error={error} />
            </MessageBarBody>
          </MessageBar>
        )}
        <div className={styles.scroll} tabIndex={0} role="region" aria-label={t('list')}>
          {loading ? (
            <Spinner delay={200} label={t('loading')} />
          ) : events.length === 0 ? (
            <NoEvents filtered={Object.keys(filter).length > 0} />
          ) : (
            <>
              <EventList events={events} />
              <div className={styles.end}>
                {loadOlder === null ? (
                  t('allShown')
                ) : (
                  <Button disabled={loadingOlder} onClick={loadOlder}>
                    {t('loadOlder')}
                  </Button>
                )}
              </div>
            </>
          )}
        </div>
      </div>
    </Page>
  );
}

function useAddressFilter(): readonly [EventFilter, (filter: EventFilter) => void] {
  const [search, setSearch] = useSearchParams();
  const text = search.toString();
  const filter = useMemo(() => filterOf(new URLSearchParams(text)), [text]);
  const set = (next: EventFilter) => {
    const { critical, ...rest } = next;
    setSearch(new URLSearchParams({ ...rest, ...(critical === true && { critical: 'true' }) }), { replace: true });
  };
  return [filter, set];
}

function filterOf(search: URLSearchParams): EventFilter {
  const [vm, node, text] = [search.get('vm'), search.get('node'), search.get('text')];
  const kind = EVENT_KINDS.find((one) => one === search.get('kind'));
  return {
    ...(vm !== null && { vm }),
    ...(node !== null && { node }),
    ...(text !== null && text !== '' && { text }),
    ...(kind !== undefined && { kind }),
    ...(search.get('critical') === 'true' && { critical: true }),
  };
}
