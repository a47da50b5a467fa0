import { Checkbox, makeStyles, Text, tokens } from '@fluentui/react-components';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { deleteVm, type VmView } from '../../../src/contract/vms.ts';
import { useClient } from '../session/client-context.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { useRun } from '../ui/use-run.tsx';

const useStyles = makeStyles({
  files: {
    margin: 0,
    paddingLeft: tokens.spacingHorizontalL,
    maxHeight: '10rem',
    overflow: 'auto',
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
    overflowWrap: 'anywhere',
  },
});

/** The name is typed; disks stay unless chosen otherwise. */
export function DeleteVmDialog({ vms, onClose }: { readonly vms: readonly VmView[]; readonly onClose: () => void }) {
  const styles = useStyles();
  const { t } = useTranslation('actions');
  const client = useClient();
  const run = useRun();
  const [, navigate] = useLocation();
  const [deleteDisks, setDeleteDisks] = useState(false);
  const files = vms.flatMap(({ disks }) => disks.map(({ path }) => path));
  const remove = () => {
    for (const { name } of vms) {
      void run({
        what: t('doing.delete', { name }),
        call: () => client.call(deleteVm, { params: { name }, query: { deleteDisks } }),
        done: () => t('done.delete', { name }),
        afterwards: () => navigate('/vms'),
      });
    }
  };
  const name = vms[0]?.name ?? '';
  return (
    <ConfirmDialog
      title={t('delete.title', { count: vms.length, name })}
      confirmLabel={t('delete.confirm')}
      typed={vms.length === 1 ? name : t('delete.typeCount', { count: vms.length })}
      danger
      onConfirm={remove}
      onClose={onClose}
    >
      <Text>{t('delete.text')}</Text>
      {files.length > 0 && (
        <>
          <Checkbox
            label={t('delete.disks')}
            checked={deleteDisks}
            onChange={(_event, data) => setDeleteDisks(data.checked === true)}
          />
          <Text>{t(deleteDisks ? 'delete.disksGone' : 'delete.disksKept')}</Text>
          <ul className={styles.files} tabIndex={0}>
            {files.map((path) => (
              <li key={path}>{path}</li>
            ))}
          </ul>
        </>
      )}
    </ConfirmDialog>
  );
}
