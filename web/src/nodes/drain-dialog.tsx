import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  makeStyles,
  Spinner,
  Text,
  tokens,
} from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import type { NodeView } from '../../../src/contract/cluster.ts';
import { FailureText } from '../ui/failure-text.tsx';
import { DrainPlanView } from './drain-plan.tsx';
import { useDrainPlan } from './use-node-detail.ts';

const useStyles = makeStyles({
  surface: { maxWidth: 'min(52rem, 94vw)' },
  content: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalM, minWidth: 0 },
});

/** What the drain would do, before it is asked for. */
export function DrainDialog(props: {
  readonly node: NodeView;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}) {
  const { node, onConfirm, onClose } = props;
  const styles = useStyles();
  const { t } = useTranslation(['nodes', 'ui']);
  const plan = useDrainPlan(node.name);
  const nothing = plan.data !== undefined && plan.data.moves.length + plan.data.blockers.length === 0;
  return (
    <Dialog open onOpenChange={(_event, { open }) => !open && onClose()}>
      <DialogSurface className={styles.surface} aria-describedby={undefined}>
        <DialogBody>
          <DialogTitle>{t('nodes:drainTitle', { node: node.name })}</DialogTitle>
          <DialogContent className={styles.content}>
            <Text>{t('nodes:drainIntro')}</Text>
            {plan.isPending && <Spinner size="small" label={t('nodes:previewLoading')} />}
            {plan.data === undefined && plan.error !== null && <FailureText error={plan.error} />}
            {nothing && <Text>{t('nodes:drainNothing', { node: node.name })}</Text>}
            {plan.data !== undefined && <DrainPlanView plan={plan.data} title={t('nodes:drainOrder')} />}
          </DialogContent>
          <DialogActions>
            <Button onClick={onClose}>{t('ui:cancel')}</Button>
            <Button
              appearance="primary"
              autoFocus
              onClick={() => {
                onClose();
                onConfirm();
              }}
            >
              {t('nodes:drainConfirm')}
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
