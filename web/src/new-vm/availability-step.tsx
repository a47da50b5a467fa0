import { Field, Radio, RadioGroup, SpinButton, Switch } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import type { NewVm } from './new-vm-draft.ts';
import type { StepProps } from './step-props.ts';

const PRIORITIES = ['high', 'medium', 'low'] as const;

/** How it is brought back and how long a move may pause it. */
export function AvailabilityStep({ draft, change }: StepProps) {
  const { t } = useTranslation(['newVm', 'ui']);
  return (
    <>
      <Switch
        label={t('newVm:highlyAvailable')}
        checked={draft.highlyAvailable}
        onChange={(_event, { checked }) => change({ highlyAvailable: checked })}
      />
      <Switch
        label={t('newVm:automaticStart')}
        checked={draft.automaticStart}
        onChange={(_event, { checked }) => change({ automaticStart: checked })}
      />
      <Switch
        label={t('newVm:startNow')}
        checked={draft.startNow}
        onChange={(_event, { checked }) => change({ startNow: checked })}
      />
      <Field label={t('newVm:priority')}>
        <RadioGroup
          layout="horizontal"
          value={draft.priority}
          onChange={(_event, { value }) => change({ priority: value as NewVm['priority'] })}
        >
          {PRIORITIES.map((priority) => (
            <Radio key={priority} value={priority} label={t(`ui:priorities.${priority}`)} />
          ))}
        </RadioGroup>
      </Field>
      <Field label={t('newVm:budget')} hint={t('newVm:budgetHint')}>
        <SpinButton
          value={draft.budgetMs}
          min={1}
          max={60_000}
          step={10}
          onChange={(_event, data) => {
            const value = Math.round(data.value ?? Number(data.displayValue));
            if (value >= 1) change({ budgetMs: value });
          }}
        />
      </Field>
    </>
  );
}
