import { Field, Radio, RadioGroup, Switch } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import { PRIORITIES } from '../../../src/model/availability.ts';
import { WholeNumberField } from '../ui/whole-number.tsx';
import type { NewVm } from './new-vm-draft.ts';
import type { StepProps } from './step-props.ts';

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
      <WholeNumberField
        label={t('newVm:budget')}
        hint={t('newVm:budgetHint')}
        value={draft.budgetMs}
        min={1}
        max={60_000}
        step={10}
        onChange={(budgetMs) => change({ budgetMs })}
      />
    </>
  );
}
