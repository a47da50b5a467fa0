import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  makeStyles,
  mergeClasses,
  tokens,
} from '@fluentui/react-components';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

const useStyles = makeStyles({
  surface: { maxWidth: '640px' },
  wide: { maxWidth: 'min(52rem, 94vw)' },
  content: {
    display: 'flex',
    flexDirection: 'column',
    gap: tokens.spacingVerticalM,
    minWidth: 0,
    paddingBlock: tokens.spacingVerticalXS,
  },
  danger: {
    backgroundColor: tokens.colorStatusDangerBackground3,
    color: tokens.colorNeutralForegroundOnBrand,
    ':hover': {
      backgroundColor: tokens.colorStatusDangerBackground3Hover,
      color: tokens.colorNeutralForegroundOnBrand,
    },
  },
});

export interface FormDialogProps {
  readonly title: string;
  readonly applyLabel?: string;
  /** Whether what is entered can be applied. */
  readonly ready: boolean;
  /** Announced as something that asks for attention. */
  readonly alert?: boolean;
  readonly danger?: boolean;
  readonly wide?: boolean;
  /** Nothing else in it takes the focus. */
  readonly focusApply?: boolean;
  readonly onApply: () => void;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** A dialog with a form. Shown while it is mounted; Enter applies, Escape closes. */
export function FormDialog(props: FormDialogProps) {
  const { title, applyLabel, ready, alert, danger, wide, focusApply, onApply, onClose, children } = props;
  const styles = useStyles();
  const { t } = useTranslation('ui');
  return (
    <Dialog
      open
      modalType={alert === true ? 'alert' : 'modal'}
      // A click beside it must not throw away what was entered.
      onOpenChange={(_event, { open, type }) => !open && type !== 'backdropClick' && onClose()}
    >
      <DialogSurface className={wide === true ? styles.wide : styles.surface} aria-describedby={undefined}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (ready) onApply();
          }}
        >
          <DialogBody>
            <DialogTitle>{title}</DialogTitle>
            <DialogContent className={styles.content}>{children}</DialogContent>
            <DialogActions>
              <Button onClick={onClose}>{t('cancel')}</Button>
              <Button
                type="submit"
                appearance="primary"
                disabled={!ready}
                className={mergeClasses(danger === true && ready && styles.danger)}
                autoFocus={focusApply === true}
              >
                {applyLabel ?? t('apply')}
              </Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}
