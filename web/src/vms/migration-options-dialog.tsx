import { Checkbox, Dropdown, Field, makeStyles, Option, Switch, Text, tokens } from '@fluentui/react-components';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { VmView } from '../../../src/contract/vms.ts';
import { useNodes } from '../live/live-hooks.ts';
import { FormDialog } from '../ui/form-dialog.tsx';
import { WholeNumber } from '../ui/whole-number.tsx';
import { type MigrationOptions, useMigrate } from './use-migrate.ts';

const MEBIBYTE = 1024 ** 2;
const BUDGET_MAX_MS = 60_000;

const useStyles = makeStyles({
  part: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalXS },
  number: { maxWidth: '12rem' },
});

/** What is entered; a part that is off is left to the VM or the cluster. */
interface Draft {
  /** '': the best node. */
  readonly to: string;
  readonly budgetMs: number;
  readonly widens: boolean;
  readonly budgetMaxMs: number;
  readonly limits: boolean;
  readonly mebibytesPerSecond: number;
  readonly encrypted: 'default' | 'yes' | 'no';
}

/** One move with other settings than usual; nothing of it is remembered. */
export function MigrationOptionsDialog(props: { readonly vms: readonly VmView[]; readonly onClose: () => void }) {
  const { vms, onClose } = props;
  const { t } = useTranslation('actions');
  const migrate = useMigrate();
  const [first] = vms;
  const usual = first?.budgetMs ?? 50;
  const [draft, setDraft] = useState<Draft>({
    ...{ to: '', budgetMs: usual, widens: false, budgetMaxMs: usual * 4 },
    ...{ limits: false, mebibytesPerSecond: 100, encrypted: 'default' },
  });
  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const apply = () => {
    onClose();
    migrate(
      vms.map(({ name }) => name),
      // The budgets of several VMs differ: only one that was entered counts for all of them.
      optionsOf(draft, vms.length === 1 || draft.budgetMs !== usual),
    );
  };
  return (
    <FormDialog
      title={t('options.title', { count: vms.length, name: first?.name ?? '' })}
      applyLabel={t('options.start')}
      ready={!draft.widens || draft.budgetMaxMs >= draft.budgetMs}
      onApply={apply}
      onClose={onClose}
    >
      <Destination vms={vms} draft={draft} change={change} />
      <Budgets draft={draft} change={change} />
      <Network draft={draft} change={change} />
    </FormDialog>
  );
}

function optionsOf(draft: Draft, withBudget: boolean): MigrationOptions {
  return {
    ...(draft.to !== '' && { to: draft.to }),
    ...((withBudget || draft.widens) && { budgetMs: draft.budgetMs }),
    ...(draft.widens && { budgetMaxMs: draft.budgetMaxMs }),
    ...(draft.limits && { bandwidthBytesPerSecond: draft.mebibytesPerSecond * MEBIBYTE }),
    ...(draft.encrypted !== 'default' && { encrypted: draft.encrypted === 'yes' }),
  };
}

interface PartProps {
  readonly draft: Draft;
  readonly change: (part: Partial<Draft>) => void;
}

function Destination({ vms, draft, change }: PartProps & { readonly vms: readonly VmView[] }) {
  const { t } = useTranslation('actions');
  const owners = new Set(vms.map(({ owner }) => owner));
  const nodes = useNodes().filter(({ name, role }) => role === 'node' && !(owners.size === 1 && owners.has(name)));
  return (
    <Field label={t('options.destination')}>
      <Dropdown
        value={draft.to === '' ? t('targets.best') : draft.to}
        selectedOptions={[draft.to]}
        onOptionSelect={(_event, { optionValue = '' }) => change({ to: optionValue })}
      >
        <Option value="">{t('targets.best')}</Option>
        {nodes.map(({ name }) => (
          <Option key={name} value={name}>
            {name}
          </Option>
        ))}
      </Dropdown>
    </Field>
  );
}

function Budgets({ draft, change }: PartProps) {
  const styles = useStyles();
  const { t } = useTranslation('actions');
  const tooSmall = draft.widens && draft.budgetMaxMs < draft.budgetMs;
  return (
    <>
      <Field label={t('options.budget')} hint={t('options.budgetHint')}>
        <WholeNumber
          className={styles.number}
          min={1}
          step={10}
          value={draft.budgetMs}
          max={BUDGET_MAX_MS}
          onChange={(budgetMs) => change({ budgetMs })}
        />
      </Field>
      <div className={styles.part}>
        <Switch
          label={t('options.widens')}
          checked={draft.widens}
          onChange={(_event, { checked }) =>
            change({ widens: checked, budgetMaxMs: Math.max(draft.budgetMs, draft.budgetMaxMs) })
          }
        />
        {draft.widens && (
          <Field
            label={t('options.budgetMax')}
            {...(tooSmall && { validationMessage: t('options.budgetMaxTooSmall') })}
          >
            <WholeNumber
              className={styles.number}
              min={1}
              step={10}
              value={draft.budgetMaxMs}
              max={BUDGET_MAX_MS}
              onChange={(budgetMaxMs) => change({ budgetMaxMs })}
            />
          </Field>
        )}
      </div>
    </>
  );
}

const ENCRYPTED = ['default', 'yes', 'no'] as const;

function Network({ draft, change }: PartProps) {
  const styles = useStyles();
  const { t } = useTranslation('actions');
  return (
    <>
      <div className={styles.part}>
        <Checkbox
          label={t('options.limits')}
          checked={draft.limits}
          onChange={(_event, { checked }) => change({ limits: checked === true })}
        />
        {draft.limits && (
          <Field label={t('options.bandwidth')}>
            <WholeNumber
              className={styles.number}
              min={1}
              step={10}
              value={draft.mebibytesPerSecond}
              max={100_000}
              onChange={(mebibytesPerSecond) => change({ mebibytesPerSecond })}
            />
          </Field>
        )}
        <Text size={200}>{t('options.limitsHint')}</Text>
      </div>
      <Field label={t('options.encrypted')}>
        <Dropdown
          value={t(`options.encryption.${draft.encrypted}`)}
          selectedOptions={[draft.encrypted]}
          onOptionSelect={(_event, { optionValue }) =>
            change({ encrypted: ENCRYPTED.find((choice) => choice === optionValue) ?? 'default' })
          }
        >
          {ENCRYPTED.map((choice) => (
            <Option key={choice} value={choice}>
              {t(`options.encryption.${choice}`)}
            </Option>
          ))}
        </Dropdown>
      </Field>
    </>
  );
}
