import { useInfiniteQuery } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import { type EventView, listEvents } from '../../../src/contract/events.ts';
import { useLive } from '../live/live-hooks.ts';
import { useClient } from '../session/client-context.ts';
import { type EventFilter, selectEvents } from './select-events.ts';

export interface LoadedEvents {
  /** The newest first. */
  readonly events: readonly EventView[];
  readonly loading: boolean;
  readonly error: unknown;
  /** null: there are none. */
  readonly loadOlder: (() => void) | null;
  readonly loadingOlder: boolean;
  /** false: the database is silent. */
  readonly fresh: boolean;
}

/** Events that pass the filter; new ones come by themselves. `pageSize`: how many are loaded at a time, 1 to 5000. */
export function useEvents(filter: EventFilter, pageSize = 100): LoadedEvents {
  const client = useClient();
  const connection = useLive((state) => state.connection);
  const live = useLive((state) => state.events);
  const query = useInfiniteQuery({
    queryKey: ['events', filter, pageSize],
    queryFn: ({ pageParam }) =>
      client.call(listEvents, {
        query: { ...filter, limit: pageSize, ...(pageParam !== null && { before: pageParam }) },
      }),
    initialPageParam: null as string | null,
    getNextPageParam: ({ events }) => (events.length < pageSize ? null : (events[0]?.id ?? null)),
  });
  const { refetch, fetchNextPage, data } = query;
  // What happened while the connection was lost did not come over it.
  useEffect(() => {
    if (connection === 'live') void refetch();
  }, [connection, refetch]);
  const events = useMemo(
    () => selectEvents(data?.pages.flatMap((page) => page.events) ?? [], live, filter),
    [data, live, filter],
  );
  return {
    events,
    loading: query.isPending,
    error: query.error,
    loadOlder: query.hasNextPage ? () => void fetchNextPage() : null,
    loadingOlder: query.isFetchingNextPage,
    fresh: data?.pages[0]?.fresh ?? true,
  };
}
