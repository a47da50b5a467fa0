import { Dropdown, Field, makeStyles, Option, ToggleButton, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import { formatBytes } from '../ui/format.ts';
import { WholeNumberField } from '../ui/whole-number.tsx';
import { useSwitches } from '../vms/switches.ts';
import type { StepProps } from './step-props.ts';

const useStyles = makeStyles({
  row: { display: 'flex', flexWrap: 'wrap', gap: tokens.spacingHorizontalM },
});

const SIZES = [
  { id: 'tiny', memoryMib: 256, cpus: 1 },
  { id: 'small', memoryMib: 1024, cpus: 1 },
  { id: 'medium', memoryMib: 4096, cpus: 2 },
  { id: 'large', memoryMib: 16_384, cpus: 4 },
] as const;

/** Memory, CPUs, disk, network. */
export function SizeStep({ draft, change }: StepProps) {
  const styles = useStyles();
  const { t } = useTranslation('newVm');
  const switches = useSwitches();
  const needsDisk = draft.source === 'lab' || draft.source === 'empty' || draft.imageIsIso;
  return (
    <>
      <Field label={t('size')}>
        <div className={styles.row}>
          {SIZES.map(({ id, memoryMib, cpus }) => (
            <ToggleButton
              key={id}
              checked={draft.memoryMib === memoryMib && draft.cpus === cpus}
              onClick={() => change({ memoryMib, cpus })}
            >
              {`${t(`sizes.${id}`)} · ${formatBytes(memoryMib * 1024 ** 2)} · ${t('cpuCount', { count: cpus })}`}
            </ToggleButton>
          ))}
        </div>
      </Field>
      <div className={styles.row}>
        <WholeNumberField
          label={t('figures.memoryMib')}
          value={draft.memoryMib}
          min={16}
          max={4_194_304}
          step={256}
          onChange={(memoryMib) => change({ memoryMib })}
        />
        <WholeNumberField
          label={t('figures.cpus')}
          value={draft.cpus}
          min={1}
          max={64}
          step={1}
          onChange={(cpus) => change({ cpus })}
        />
        {needsDisk && (
          <WholeNumberField
            label={t('figures.diskGib')}
            value={draft.diskGib}
            min={1}
            max={65_536}
            step={1}
            onChange={(diskGib) => change({ diskGib })}
          />
        )}
      </div>
      {switches.length > 0 && (
        <Field label={t('switch')}>
          <Dropdown
            value={draft.switchName === '' ? t('firstSwitch') : draft.switchName}
            selectedOptions={[draft.switchName]}
            onOptionSelect={(_event, { optionValue = '' }) => change({ switchName: optionValue })}
          >
            <Option value="">{t('firstSwitch')}</Option>
            {switches.map((name) => (
              <Option key={name} value={name}>
                {name}
              </Option>
            ))}
          </Dropdown>
        </Field>
      )}
    </>
  );
}
