import { Text } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import { turnOffVm, type VmView } from '../../../src/contract/vms.ts';
import { useClient } from '../session/client-context.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { useRunAll } from '../ui/use-run-all.tsx';

export function TurnOffDialog({ vms, onClose }: { readonly vms: readonly VmView[]; readonly onClose: () => void }) {
  const { t } = useTranslation('actions');
  const client = useClient();
  const runAll = useRunAll();
  const turnOff = () =>
    void runAll(
      t('turnOff.confirm'),
      vms.map(({ name }) => ({
        ...{ name, what: t('doing.turn-off', { name }) },
        call: () => client.call(turnOffVm, { params: { name } }),
      })),
    );
  return (
    <ConfirmDialog
      title={t('turnOff.title', { count: vms.length, name: vms[0]?.name ?? '' })}
      confirmLabel={t('turnOff.confirm')}
      danger
      onConfirm={turnOff}
      onClose={onClose}
    >
      <Text>{t('turnOff.text')}</Text>
    </ConfirmDialog>
  );
}
