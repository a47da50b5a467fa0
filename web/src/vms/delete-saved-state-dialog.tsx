import { Text } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import { discardSavedMemory, type VmView } from '../../../src/contract/vms.ts';
import { useClient } from '../session/client-context.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { useRunAll } from '../ui/use-run-all.tsx';

export function DeleteSavedStateDialog(props: { readonly vms: readonly VmView[]; readonly onClose: () => void }) {
  const { vms, onClose } = props;
  const { t } = useTranslation('actions');
  const client = useClient();
  const runAll = useRunAll();
  const discard = () =>
    void runAll(
      t('deleteSavedState.action'),
      vms.map(({ name }) => ({
        ...{ name, what: t('doing.delete-saved-state', { name }) },
        call: () => client.call(discardSavedMemory, { params: { name } }),
      })),
    );
  return (
    <ConfirmDialog
      title={t('deleteSavedState.title', { count: vms.length, name: vms[0]?.name ?? '' })}
      confirmLabel={t('deleteSavedState.confirm')}
      danger
      onConfirm={discard}
      onClose={onClose}
    >
      <Text>{t('deleteSavedState.text')}</Text>
    </ConfirmDialog>
  );
}
