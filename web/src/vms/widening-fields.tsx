import { Field, makeStyles, Switch, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import { WholeNumber } from '../ui/whole-number.tsx';
import { BUDGET_MS_MAX, type Budgets, maxTooSmall, offeredMaxMs } from './budget-draft.ts';

const useStyles = makeStyles({
  part: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalXS },
  number: { maxWidth: '12rem' },
});

/** Whether a budget may be widened, and up to what. */
export function WideningFields(props: {
  readonly label: string;
  readonly hint?: string;
  readonly budgets: Budgets;
  readonly onChange: (budgetMaxMs: number | null) => void;
}) {
  const { label, hint, budgets, onChange } = props;
  const { budgetMaxMs } = budgets;
  const styles = useStyles();
  const { t } = useTranslation('actions');
  return (
    <div className={styles.part}>
      <Field {...(hint !== undefined && { hint })}>
        <Switch
          label={label}
          checked={budgetMaxMs !== null}
          onChange={(_event, { checked }) => onChange(checked ? offeredMaxMs(budgets) : null)}
        />
      </Field>
      {budgetMaxMs !== null && (
        <Field
          label={t('options.budgetMax')}
          {...(maxTooSmall(budgets) && { validationMessage: t('options.budgetMaxTooSmall') })}
        >
          <WholeNumber
            className={styles.number}
            min={1}
            step={10}
            value={budgetMaxMs}
            max={BUDGET_MS_MAX}
            onChange={onChange}
          />
        </Field>
      )}
    </div>
  );
}
