import { Field, Input, Text } from '@fluentui/react-components';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { armCluster, disarmCluster } from '../../../src/contract/availability.ts';
import { useClient } from '../session/client-context.ts';
import { FormDialog } from '../ui/form-dialog.tsx';
import { useRun } from '../ui/use-run.tsx';

export function useArm(): () => void {
  const { t } = useTranslation('cluster');
  const client = useClient();
  const run = useRun();
  return () => void run({ what: t('arming'), call: () => client.call(armCluster), done: () => t('armed') });
}

/** Asks for the reason, which everybody sees until the cluster is armed again. */
export function DisarmDialog({ onClose }: { readonly onClose: () => void }) {
  const { t } = useTranslation('cluster');
  const client = useClient();
  const run = useRun();
  const [reason, setReason] = useState('');
  const disarm = () => {
    onClose();
    void run({
      what: t('disarming'),
      call: () => client.call(disarmCluster, { body: { reason: reason.trim() } }),
      done: () => t('disarmed'),
    });
  };
  return (
    <FormDialog
      alert
      title={t('disarmTitle')}
      applyLabel={t('disarmConfirm')}
      ready={reason.trim() !== ''}
      onApply={disarm}
      onClose={onClose}
    >
      <Text>{t('disarmText')}</Text>
      <Field label={t('disarmReason')} required>
        <Input
          autoFocus
          value={reason}
          maxLength={500}
          placeholder={t('disarmPlaceholder')}
          onChange={(_event, { value }) => setReason(value)}
        />
      </Field>
    </FormDialog>
  );
}
