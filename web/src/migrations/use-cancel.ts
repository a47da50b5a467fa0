import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { cancelMigration } from '../../../src/contract/migrations.ts';
import { useClient } from '../session/client-context.ts';
import { useRun } from '../ui/use-run.tsx';

/** Cancelling of one migration: `asked` at once, false again if the cluster refuses. */
export function useCancel({ vm, source }: { readonly vm: string; readonly source: string }) {
  const client = useClient();
  const run = useRun();
  const { t } = useTranslation('migrations');
  const [asked, setAsked] = useState(false);
  const cancel = async () => {
    setAsked(true);
    const taken = await run({
      what: t('cancelAsked', { vm }),
      call: () => client.call(cancelMigration, { params: { name: vm } }),
      done: () => t('cancelTaken', { vm, source }),
    });
    if (taken === undefined) setAsked(false);
  };
  return { asked, cancel: () => void cancel() };
}
