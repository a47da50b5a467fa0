import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  makeStyles,
  Text,
  tokens,
} from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import type { en } from '../text/actions.ts';

const useStyles = makeStyles({
  surface: { maxWidth: '720px' },
  list: { margin: 0, display: 'grid', rowGap: tokens.spacingVerticalS },
  term: { fontWeight: tokens.fontWeightSemibold },
  text: { margin: 0, color: tokens.colorNeutralForeground2 },
});

/** In the order of the actions pane. */
const EXPLAINED: readonly (keyof typeof en.help.of)[] = [
  ...(['connect', 'start', 'shut-down', 'turn-off', 'save', 'pause', 'reset', 'delete-saved-state'] as const),
  ...(['live-migrate', 'cancel-migration', 'settings', 'add-storage'] as const),
  ...(['automatic-start-on', 'dependency-report', 'delete', 'properties'] as const),
];

/** What the actions do, in plain words. */
export function VmHelpDialog({ onClose }: { readonly onClose: () => void }) {
  const styles = useStyles();
  const { t } = useTranslation(['actions', 'ui']);
  return (
    <Dialog open onOpenChange={(_event, { open }) => !open && onClose()}>
      <DialogSurface className={styles.surface} aria-describedby={undefined}>
        <DialogBody>
          <DialogTitle>{t('actions:help.title')}</DialogTitle>
          <DialogContent tabIndex={0}>
            <dl className={styles.list}>
              {EXPLAINED.map((id) => (
                <div key={id}>
                  <dt className={styles.term}>{t(`actions:labels.${id}`).replace('…', '')}</dt>
                  <dd className={styles.text}>{t(`actions:help.of.${id}`)}</dd>
                </div>
              ))}
            </dl>
            <Text as="p" size={200}>
              {t('actions:help.keys')}
            </Text>
          </DialogContent>
          <DialogActions>
            <Button appearance="primary" onClick={onClose}>
              {t('ui:close')}
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
