import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { getMigration, listMigrations, type MigrationView } from '../../../src/contract/migrations.ts';
import { useMigration, useMigrations } from '../live/live-hooks.ts';
import { useClient } from '../session/client-context.ts';
import type { Progress, Receipt } from './migration-figures.ts';

/** One migration: as the live channel has it, else asked for: an old receipt, or "last". */
export function useMigrationView(id: string): { readonly view: MigrationView | undefined; readonly error: unknown } {
  const live = useMigration(id);
  const client = useClient();
  const asked = useQuery({
    queryKey: ['migrations', id],
    queryFn: () => client.call(getMigration, { params: { id } }),
    enabled: live === undefined,
    retry: false,
  });
  return { view: live ?? asked.data, error: live === undefined ? asked.error : null };
}

export function useOpenMigrations(): readonly Progress[] {
  const views = useMigrations();
  return useMemo(() => views.flatMap((view) => (view.state === 'open' ? [view.progress] : [])), [views]);
}

/** All receipts, the newest first: those of the live channel over those that were asked for once, which has all. */
export function useEndedMigrations(): readonly Receipt[] {
  const live = useMigrations();
  const client = useClient();
  const { data } = useQuery({
    queryKey: ['migrations'],
    queryFn: () => client.call(listMigrations),
    staleTime: 60_000,
  });
  return useMemo(() => {
    const byId = new Map<string, Receipt>();
    for (const view of [...(data ?? []), ...live]) {
      if (view.state === 'ended') byId.set(view.receipt.id, view.receipt);
    }
    return [...byId.values()].sort((left, right) => right.startedAt.localeCompare(left.startedAt));
  }, [data, live]);
}
