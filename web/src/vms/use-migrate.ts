import { useTranslation } from 'react-i18next';
import { migrateVm } from '../../../src/contract/migrations.ts';
import { useClient } from '../session/client-context.ts';
import { useRunAll } from '../ui/use-run-all.tsx';
import type { MigrationOptions } from './migration-options.ts';

/** Starts live migrations; without `to` each VM goes to the node that is best for it. */
export function useMigrate(): (vms: readonly string[], options: MigrationOptions) => void {
  const { t } = useTranslation('actions');
  const client = useClient();
  const runAll = useRunAll();
  return (vms, options) => {
    const { to } = options;
    const what = (name: string) =>
      to === undefined ? t('doing.live-migrate-best', { name }) : t('doing.live-migrate', { name, node: to });
    void runAll(
      t('labels.live-migrate'),
      vms.map((name) => ({
        ...{ name, what: what(name) },
        call: () => client.call(migrateVm, { params: { name }, body: { ...options, mode: 'live' } }),
      })),
    );
  };
}
