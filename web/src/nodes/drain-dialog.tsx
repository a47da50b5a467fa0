import { Spinner, Text } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import type { NodeView } from '../../../src/contract/cluster.ts';
import { FailureText } from '../ui/failure-text.tsx';
import { FormDialog } from '../ui/form-dialog.tsx';
import { DrainPlanView } from './drain-plan.tsx';
import { useDrainPlan } from './use-node-detail.ts';

/** What the drain would do, before it is asked for. */
export function DrainDialog(props: {
  readonly node: NodeView;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}) {
  const { node, onConfirm, onClose } = props;
  const { t } = useTranslation('nodeActions');
  const plan = useDrainPlan(node.name);
  const nothing = plan.data !== undefined && plan.data.moves.length + plan.data.blockers.length === 0;
  return (
    <FormDialog
      wide
      title={t('drainTitle', { node: node.name })}
      applyLabel={t('drainConfirm')}
      ready
      focusApply
      onApply={() => {
        onClose();
        onConfirm();
      }}
      onClose={onClose}
    >
      <Text>{t('drainIntro')}</Text>
      {plan.isPending && <Spinner size="small" label={t('previewLoading')} />}
      {plan.data === undefined && plan.error !== null && <FailureText error={plan.error} />}
      {nothing && <Text>{t('drainNothing', { node: node.name })}</Text>}
      {plan.data !== undefined && <DrainPlanView plan={plan.data} title={t('drainOrder')} />}
    </FormDialog>
  );
}
