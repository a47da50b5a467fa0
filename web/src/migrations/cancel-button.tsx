import { Button, Spinner, Tooltip } from '@fluentui/react-components';
import { DismissRegular } from '@fluentui/react-icons';
import { useTranslation } from 'react-i18next';
import { canBeCancelled, type Progress } from './migration-figures.ts';

/** Says at once that it was heard; past the commit point it says why there is no way back. */
export function CancelButton(props: {
  readonly progress: Progress;
  readonly asked: boolean;
  readonly onCancel: () => void;
}) {
  const { progress, asked, onCancel } = props;
  const { t } = useTranslation('migrations');
  const { source, destination } = progress;
  const possible = canBeCancelled(progress);
  const text = possible ? t('cancelBeforeCommit', { source }) : t('cancelNoMore', { destination });
  return (
    <Tooltip content={text} relationship="description">
      <Button
        size="small"
        icon={asked ? <Spinner size="extra-tiny" /> : <DismissRegular />}
        disabledFocusable={asked || !possible}
        data-action="cancel-live-migration"
        onClick={() => possible && !asked && onCancel()}
      >
        {asked ? t('cancelling') : t('cancel')}
      </Button>
    </Tooltip>
  );
}
