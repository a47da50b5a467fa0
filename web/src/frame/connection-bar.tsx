import { MessageBar, MessageBarBody, MessageBarTitle, ProgressBar } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import { useLive } from '../live/live-hooks.ts';

/** Says that what is shown is not current, and why; nothing while it is. */
export function ConnectionBar() {
  const { t } = useTranslation('frame');
  const connection = useLive((state) => state.connection);
  const fresh = useLive((state) => state.fresh);
  const because = useLive((state) => state.lostBecause);
  const filled = useLive((state) => state.filled);
  const servedBy = useLive((state) => state.servedBy);
  if (connection === 'connecting') return <ProgressBar aria-label={t('connecting')} />;
  if (connection === 'live' && fresh) return null;
  const title = connection === 'lost' ? t('lostTitle') : t('silentTitle');
  const lostText = filled ? t('lostText', { node: servedBy ?? location.host }) : t('neverText');
  const text = connection === 'lost' ? lostText : t('silentText');
  return (
    <MessageBar intent="warning" layout="multiline" politeness="assertive" data-testid="connection-lost">
      <MessageBarBody>
        <MessageBarTitle>{title}</MessageBarTitle> {text}{' '}
        {connection === 'lost' && because !== null && <span lang="en">({because})</span>}
      </MessageBarBody>
    </MessageBar>
  );
}
