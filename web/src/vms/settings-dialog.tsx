import {
  Button,
  Dropdown,
  Field,
  makeStyles,
  MessageBar,
  MessageBarActions,
  MessageBarBody,
  Option,
  Text,
  tokens,
} from '@fluentui/react-components';
import { AddRegular, ArrowUndoRegular, DeleteRegular } from '@fluentui/react-icons';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { listImages } from '../../../src/contract/images.ts';
import { type ChangeVmBody, changeVm, type VmView } from '../../../src/contract/vms.ts';
import { useVm } from '../live/live-hooks.ts';
import { useClient } from '../session/client-context.ts';
import { formatBytes } from '../ui/format.ts';
import { FormDialog } from '../ui/form-dialog.tsx';
import { useRun } from '../ui/use-run.tsx';
import { WholeNumber, WholeNumberField } from '../ui/whole-number.tsx';
import { BUDGET_MS_MAX, maxTooSmall } from './budget-draft.ts';
import { changesOf, type Hardware, hardwareHolds, hardwareOf } from './settings-draft.ts';
import { useSwitches } from './switches.ts';

const useStyles = makeStyles({
  row: { display: 'flex', flexWrap: 'wrap', gap: tokens.spacingHorizontalL },
  devices: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalXS },
  device: {
    display: 'flex',
    alignItems: 'center',
    gap: tokens.spacingHorizontalM,
    minHeight: '32px',
    paddingLeft: tokens.spacingHorizontalS,
    backgroundColor: tokens.colorNeutralBackground2,
    borderRadius: tokens.borderRadiusMedium,
  },
  text: { flexGrow: 1, minWidth: 0, overflow: 'hidden', textOverflow: 'ellipsis' },
  gone: { textDecorationLine: 'line-through', color: tokens.colorNeutralForeground3 },
  add: { alignSelf: 'flex-start' },
});

/** Memory, CPUs, disks, network adapters, CD drive: what applies now and what at the next start. */
export function SettingsDialog(props: {
  readonly name: string;
  /** It opens with a disk to be added. */
  readonly newDisk: boolean;
  readonly onClose: () => void;
}) {
  const { name, newDisk, onClose } = props;
  const vm = useVm(name);
  return vm === undefined ? null : <Settings vm={vm} newDisk={newDisk} onClose={onClose} />;
}

const NEW_DISK_GIB = 8;

interface SettingsProps {
  readonly vm: VmView;
  readonly newDisk: boolean;
  readonly onClose: () => void;
}

function Settings({ vm, newDisk, onClose }: SettingsProps) {
  const { t } = useTranslation(['vms', 'actions']);
  const client = useClient();
  const run = useRun();
  const [draft, setDraft] = useState<Hardware>(() => ({
    ...hardwareOf(vm),
    newDisksGib: newDisk ? [NEW_DISK_GIB] : [],
  }));
  const change = (part: Partial<Hardware>) => setDraft((before) => ({ ...before, ...part }));
  const body = changesOf(vm, draft);
  const aboveMax = maxTooSmall({ budgetMs: draft.budgetMs, budgetMaxMs: vm.budgetMaxMs });
  const holds = hardwareHolds(vm);
  const send = (what: ChangeVmBody) => {
    onClose();
    void run({
      what: t('actions:doing.settings', { name: vm.name }),
      call: () => client.call(changeVm, { params: { name: vm.name }, body: what }),
      done: (now) =>
        now.pending === null
          ? t('actions:done.settings', { name: vm.name })
          : t(now.saved === null ? 'actions:done.settingsPending' : 'actions:done.settingsPendingSaved', {
              name: vm.name,
            }),
    });
  };
  return (
    <FormDialog
      title={t('vms:settings.title', { name: vm.name })}
      ready={draft.memoryMib >= 16 && draft.cpus >= 1 && !aboveMax}
      // A figure that was just typed counts when its field loses the focus: until then there may seem to be no change.
      onApply={() => (Object.keys(body).length === 0 ? onClose() : send(body))}
      onClose={onClose}
    >
      <Text>{t(`vms:settings.${holds}`)}</Text>
      {vm.pending !== null && (
        <MessageBar layout="multiline">
          <MessageBarBody>
            {t(holds === 'booted' ? 'vms:settings.waitingSaved' : 'vms:settings.waiting')}{' '}
            <span lang="en">{vm.pending.changes.join(' ')}</span>
          </MessageBarBody>
          <MessageBarActions>
            <Button size="small" onClick={() => send({ discardPending: true })}>
              {t('vms:settings.discard')}
            </Button>
          </MessageBarActions>
        </MessageBar>
      )}
      <SizeFields draft={draft} change={change} budgetMaxMs={vm.budgetMaxMs} aboveMax={aboveMax} />
      <Disks vm={vm} draft={draft} change={change} />
      <Nics vm={vm} draft={draft} change={change} />
      <CdDrive draft={draft} change={change} />
    </FormDialog>
  );
}

interface PartProps {
  readonly draft: Hardware;
  readonly change: (part: Partial<Hardware>) => void;
}

interface SizeFieldsProps extends PartProps {
  /** To which the VM allows to widen its budget. */
  readonly budgetMaxMs: number | null;
  /** The budget that is entered is above that. */
  readonly aboveMax: boolean;
}

function SizeFields({ draft, change, budgetMaxMs, aboveMax }: SizeFieldsProps) {
  const styles = useStyles();
  const { t } = useTranslation('vms');
  return (
    <div className={styles.row}>
      <WholeNumberField
        label={t('settings.memory')}
        value={draft.memoryMib}
        min={16}
        max={4 * 1024 * 1024}
        step={256}
        onChange={(memoryMib) => change({ memoryMib })}
      />
      <WholeNumberField
        label={t('settings.cpus')}
        value={draft.cpus}
        min={1}
        max={64}
        step={1}
        onChange={(cpus) => change({ cpus })}
      />
      <Field
        label={t('settings.budget')}
        {...(aboveMax && { validationMessage: t('settings.budgetAboveMax', { max: budgetMaxMs }) })}
      >
        <WholeNumber
          value={draft.budgetMs}
          min={1}
          max={BUDGET_MS_MAX}
          step={10}
          onChange={(budgetMs) => change({ budgetMs })}
        />
      </Field>
    </div>
  );
}

function Device(props: {
  readonly text: ReactNode;
  readonly what: string;
  readonly gone: boolean;
  readonly onToggle: () => void;
}) {
  const styles = useStyles();
  const { t } = useTranslation('vms');
  const { text, what, gone, onToggle } = props;
  return (
    <div className={styles.device}>
      <span className={gone ? `${styles.text} ${styles.gone}` : styles.text}>{text}</span>
      {gone && <Text size={200}>{t('settings.willGo')}</Text>}
      <Button
        size="small"
        appearance="subtle"
        icon={gone ? <ArrowUndoRegular /> : <DeleteRegular />}
        aria-label={t(gone ? 'settings.keep' : 'settings.remove', { what })}
        onClick={onToggle}
      />
    </div>
  );
}

function Disks({ vm, draft, change }: PartProps & { readonly vm: VmView }) {
  const styles = useStyles();
  const { t } = useTranslation('vms');
  const disks = (vm.pending ?? vm).disks;
  return (
    <Field label={t('settings.disks')} {...(draft.removeDisks.length > 0 && { hint: t('settings.removedDisksKept') })}>
      <div className={styles.devices}>
        {disks.map(({ id, sizeBytes, path }) => (
          <Device
            key={id}
            what={id}
            text={`${id} · ${formatBytes(sizeBytes)} · ${path.split('/').at(-1) ?? path}`}
            gone={draft.removeDisks.includes(id)}
            onToggle={() => change({ removeDisks: toggled(draft.removeDisks, id) })}
          />
        ))}
        {draft.newDisksGib.map((gib, index) => (
          // New disks have no name yet, and only the last ones come and go.
          <div className={styles.device} key={`new-${String(index)}`}>
            <span className={styles.text}>{t('settings.newDisk')}</span>
            <WholeNumber
              aria-label={t('settings.sizeGib')}
              size="small"
              value={gib}
              min={1}
              max={65_536}
              onChange={(value) => change({ newDisksGib: draft.newDisksGib.with(index, value) })}
            />
            <Text size={200}>GiB</Text>
            <Button
              size="small"
              appearance="subtle"
              icon={<DeleteRegular />}
              aria-label={t('settings.remove', { what: t('settings.newDisk') })}
              onClick={() => change({ newDisksGib: draft.newDisksGib.toSpliced(index, 1) })}
            />
          </div>
        ))}
        <Button
          size="small"
          icon={<AddRegular />}
          className={styles.add}
          onClick={() => change({ newDisksGib: [...draft.newDisksGib, NEW_DISK_GIB] })}
        >
          {t('settings.addDisk')}
        </Button>
      </div>
    </Field>
  );
}

function Nics({ vm, draft, change }: PartProps & { readonly vm: VmView }) {
  const styles = useStyles();
  const { t } = useTranslation('vms');
  const switches = useSwitches();
  const nics = (vm.pending ?? vm).nics;
  return (
    <Field label={t('settings.nics')}>
      <div className={styles.devices}>
        {nics.map(({ id, switchName, macAddress }) => (
          <Device
            key={id}
            what={id}
            text={`${id} · ${switchName} · ${macAddress}`}
            gone={draft.removeNics.includes(id)}
            onToggle={() => change({ removeNics: toggled(draft.removeNics, id) })}
          />
        ))}
        {draft.newNics.map((name, index) => (
          <Device
            key={`${name}-${String(index)}`}
            what={name}
            text={`+ ${name}`}
            gone={false}
            onToggle={() => change({ newNics: draft.newNics.toSpliced(index, 1) })}
          />
        ))}
        <div className={styles.row}>
          {switches.map((name) => (
            <Button
              key={name}
              size="small"
              icon={<AddRegular />}
              onClick={() => change({ newNics: [...draft.newNics, name] })}
            >
              {`${t('settings.addNic')}: ${name}`}
            </Button>
          ))}
        </div>
      </div>
    </Field>
  );
}

function CdDrive({ draft, change }: PartProps) {
  const { t } = useTranslation('vms');
  const client = useClient();
  const { data } = useQuery({ queryKey: ['images'], queryFn: () => client.call(listImages) });
  const media = data?.images.filter(({ kind }) => kind === 'iso').map(({ name }) => name) ?? [];
  const shown = draft.cdrom === null ? t('settings.noMedium') : (draft.cdrom.split('/').at(-1) ?? '');
  return (
    <Field label={t('settings.cdrom')}>
      <Dropdown
        value={shown}
        selectedOptions={[draft.cdrom ?? '']}
        onOptionSelect={(_event, { optionValue }) =>
          change({ cdrom: optionValue === '' ? null : (optionValue ?? null) })
        }
      >
        <Option value="">{t('settings.noMedium')}</Option>
        {media.map((name) => (
          <Option key={name} value={name}>
            {name}
          </Option>
        ))}
      </Dropdown>
    </Field>
  );
}

function toggled(list: readonly string[], id: string): readonly string[] {
  return list.includes(id) ? list.filter((other) => other !== id) : [...list, id];
}
