import { Field, SpinButton, type SpinButtonProps } from '@fluentui/react-components';

interface WholeNumberProps {
  readonly value: number;
  readonly min: number;
  readonly max: number;
  /** Of the arrows; 1 by default. */
  readonly step?: number;
  readonly onChange: (value: number) => void;
}

/** A whole number between two others; what is typed beyond them is not taken. */
export function WholeNumber(
  props: WholeNumberProps & Pick<SpinButtonProps, 'size' | 'className'> & { readonly 'aria-label'?: string },
) {
  const { min, max, onChange, ...more } = props;
  return (
    <SpinButton
      {...more}
      min={min}
      max={max}
      // Fluent says either a value or what was typed.
      onChange={(_event, { value, displayValue }) => {
        const entered = Math.round(value ?? Number(displayValue));
        if (entered >= min && entered <= max) onChange(entered);
      }}
    />
  );
}

export function WholeNumberField(props: WholeNumberProps & { readonly label: string; readonly hint?: string }) {
  const { label, hint, ...number } = props;
  return (
    <Field label={label} {...(hint !== undefined && { hint })}>
      <WholeNumber {...number} />
    </Field>
  );
}
