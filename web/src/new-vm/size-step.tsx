import { Dropdown, Field, makeStyles, Option, SpinButton, ToggleButton, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import { formatBytes } from '../ui/format.ts';
import { useSwitches } from '../vms/switches.ts';
import type { NewVm } from './new-vm-draft.ts';
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
        <Figure draft={draft} change={change} field="memoryMib" range={[16, 4_194_304, 256]} />
        <Figure draft={draft} change={change} field="cpus" range={[1, 64, 1]} />
        {needsDisk && <Figure draft={draft} change={change} field="diskGib" range={[1, 65_536, 1]} />}
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

interface FigureProps extends StepProps {
  readonly field: 'memoryMib' | 'cpus' | 'diskGib';
  /** Smallest, largest, step. */
  readonly range: readonly [number, number, number];
}

function Figure({ draft, change, field, range: [min, max, step] }: FigureProps) {
  const { t } = useTranslation('newVm');
  return (
    <Field label={t(`figures.${field}`)}>
      <SpinButton
        value={draft[field]}
        min={min}
        max={max}
        step={step}
        onChange={(_event, data) => {
          const value = Math.round(data.value ?? Number(data.displayValue));
          const part: Partial<NewVm> = { [field]: value };
          if (value >= min && value <= max) change(part);
        }}
      />
    </Field>
  );
}
