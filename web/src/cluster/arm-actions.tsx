import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  Field,
  Input,
  makeStyles,
  Text,
  tokens,
} from '@fluentui/react-components';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { armCluster, disarmCluster } from '../../../src/contract/availability.ts';
import { useClient } from '../session/client-context.ts';
import { useRun } from '../ui/use-run.tsx';

const useStyles = makeStyles({
  content: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalM },
});

export function useArm(): () => void {
  const { t } = useTranslation('cluster');
  const client = useClient();
  const run = useRun();
  return () => void run({ what: t('arming'), call: () => client.call(armCluster), done: () => t('armed') });
}

/** Asks for the reason, which everybody sees until the cluster is armed again. */
export function DisarmDialog({ onClose }: { readonly onClose: () => void }) {
  const styles = useStyles();
  const { t } = useTranslation(['cluster', 'ui']);
  const client = useClient();
  const run = useRun();
  const [reason, setReason] = useState('');
  const ready = reason.trim() !== '';
  const disarm = () => {
    onClose();
    void run({
      what: t('cluster:disarming'),
      call: () => client.call(disarmCluster, { body: { reason: reason.trim() } }),
      done: () => t('cluster:disarmed'),
    });
  };
  return (
    <Dialog open modalType="alert" onOpenChange={(_event, { open }) => !open && onClose()}>
      <DialogSurface aria-describedby={undefined}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (ready) disarm();
          }}
        >
          <DialogBody>
            <DialogTitle>{t('cluster:disarmTitle')}</DialogTitle>
            <DialogContent className={styles.content}>
              <Text>{t('cluster:disarmText')}</Text>
              <Field label={t('cluster:disarmReason')} required>
                <Input
                  autoFocus
                  value={reason}
                  maxLength={500}
                  placeholder={t('cluster:disarmPlaceholder')}
                  onChange={(_event, { value }) => setReason(value)}
                />
              </Field>
            </DialogContent>
            <DialogActions>
              <Button onClick={onClose}>{t('ui:cancel')}</Button>
              <Button type="submit" appearance="primary" disabled={!ready}>
                {t('cluster:disarmConfirm')}
              </Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}
