import { Checkbox, Dropdown, Field, makeStyles, Option, Text, tokens } from '@fluentui/react-components';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { VmView } from '../../../src/contract/vms.ts';
import { useNodes } from '../live/live-hooks.ts';
import { FormDialog } from '../ui/form-dialog.tsx';
import { WholeNumber } from '../ui/whole-number.tsx';
import { BUDGET_MS_MAX, budgetsFit } from './budget-draft.ts';
import { type MigrationDraft as Draft, optionsOf, usualOptions } from './migration-options.ts';
import { useMigrate } from './use-migrate.ts';
import { WideningFields } from './widening-fields.tsx';

const useStyles = makeStyles({
  part: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalXS },
  number: { maxWidth: '12rem' },
});

/** One move with other settings than usual; nothing of it is remembered. */
export function MigrationOptionsDialog(props: { readonly vms: readonly VmView[]; readonly onClose: () => void }) {
  const { vms, onClose } = props;
  const { t } = useTranslation('actions');
  const migrate = useMigrate();
  const [first] = vms;
  const [usual] = useState(() => usualOptions(vms));
  const [draft, setDraft] = useState(usual);
  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const apply = () => {
    onClose();
    migrate(
      vms.map(({ name }) => name),
      optionsOf(draft, { usual, count: vms.length }),
    );
  };
  return (
    <FormDialog
      title={t('options.title', { count: vms.length, name: first?.name ?? '' })}
      applyLabel={t('options.start')}
      ready={budgetsFit(draft)}
      onApply={apply}
      onClose={onClose}
    >
      <Destination vms={vms} draft={draft} change={change} />
      <Budgets draft={draft} change={change} />
      <Network draft={draft} change={change} />
    </FormDialog>
  );
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
  return (
    <>
      <Field label={t('options.budget')} hint={t('options.budgetHint')}>
        <WholeNumber
          className={styles.number}
          min={1}
          step={10}
          value={draft.budgetMs}
          max={BUDGET_MS_MAX}
          onChange={(budgetMs) => change({ budgetMs })}
        />
      </Field>
      <WideningFields label={t('options.widens')} budgets={draft} onChange={(budgetMaxMs) => change({ budgetMaxMs })} />
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
