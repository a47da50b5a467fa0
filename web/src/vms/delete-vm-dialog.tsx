import { Checkbox, makeStyles, Text, tokens } from '@fluentui/react-components';
import { useContext, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { deleteVm, type VmView } from '../../../src/contract/vms.ts';
import { LiveContext } from '../live/live-hooks.ts';
import { useClient } from '../session/client-context.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { useRunAll } from '../ui/use-run-all.tsx';

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
  const runAll = useRunAll();
  const store = useContext(LiveContext);
  const [, navigate] = useLocation();
  const [deleteDisks, setDeleteDisks] = useState(false);
  const saved = vms.filter((vm) => vm.saved !== null);
  const files = vms.flatMap(({ disks }) => disks.map(({ path }) => path));
  const remove = async () => {
    await runAll(
      t('delete.confirm'),
      vms.map(({ name }) => ({
        ...{ name, what: t('doing.delete', { name }) },
        call: () => client.call(deleteVm, { params: { name }, query: { deleteDisks } }),
      })),
    );
    // Where it is gone and still shown; who has gone on to something else stays there.
    const [, area, shown] = window.location.pathname.split('/');
    const gone = vms.some((vm) => vm.name === decodeURIComponent(shown ?? '') && !store.get().vms.has(vm.name));
    if (area === 'vms' && gone) navigate('/vms');
  };
  const name = vms[0]?.name ?? '';
  return (
    <ConfirmDialog
      title={t('delete.title', { count: vms.length, name })}
      confirmLabel={t('delete.confirm')}
      typed={vms.length === 1 ? name : t('delete.typeCount', { count: vms.length })}
      danger
      onConfirm={() => void remove()}
      onClose={onClose}
    >
      <Text>{t('delete.text')}</Text>
      {saved.length > 0 && <Text>{t('delete.savedToo', { count: saved.length, name: saved[0]?.name ?? '' })}</Text>}
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
