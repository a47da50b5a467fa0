import { Field, Input } from '@fluentui/react-components';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { FormDialog } from './form-dialog.tsx';

/** Asks before something that cannot be taken back. With `typed` the name must be typed first. Shown while it is mounted. */
export function ConfirmDialog(props: {
  readonly title: string;
  readonly children: ReactNode;
  readonly confirmLabel: string;
  /** Name that must be typed. */
  readonly typed?: string;
  readonly danger?: boolean;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}) {
  const { title, children, confirmLabel, typed, danger, onConfirm, onClose } = props;
  const { t } = useTranslation('ui');
  const [text, setText] = useState('');
  return (
    <FormDialog
      alert
      title={title}
      applyLabel={confirmLabel}
      ready={typed === undefined || text === typed}
      danger={danger === true}
      focusApply={typed === undefined}
      onApply={() => {
        onClose();
        onConfirm();
      }}
      onClose={onClose}
    >
      {children}
      {typed !== undefined && (
        <Field label={t('typeToConfirm', { name: typed })}>
          <Input value={text} onChange={(_event, data) => setText(data.value)} autoComplete="off" autoFocus />
        </Field>
      )}
    </FormDialog>
  );
}
