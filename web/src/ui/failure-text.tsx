import { makeStyles, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import { type ErrorCode, GodwitError } from '../../../src/contract/error-body.ts';
import { currentLanguage } from '../text/i18n.ts';

const useStyles = makeStyles({
  text: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalXS, overflowWrap: 'anywhere' },
  reasons: { margin: 0, paddingLeft: tokens.spacingHorizontalL },
  label: { color: tokens.colorNeutralForeground3 },
});

/** What happened, all reasons, the state things are in and the next step. */
export function FailureText({ error }: { readonly error: unknown }) {
  const styles = useStyles();
  const { t } = useTranslation('ui');
  if (!(error instanceof GodwitError)) return <>{error instanceof Error ? error.message : String(error)}</>;
  const all = error.details?.['reasons'];
  // Some messages have their reasons in them already.
  const reasons = Array.isArray(all) ? all.map(String).filter((reason) => !error.message.includes(reason)) : [];
  return (
    <div className={styles.text}>
      <Translation code={error.code} />
      <span lang="en">{error.message}</span>
      {reasons.length > 0 && (
        <ul className={styles.reasons} lang="en">
          {reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
      <span>
        <span className={styles.label}>{t('stateNow')}</span> <span lang="en">{error.state}</span>
      </span>
      <span>
        <span className={styles.label}>{t('nextStep')}</span> <span lang="en">{error.nextStep}</span>
      </span>
    </div>
  );
}

/** The server speaks English; in other languages the code says first what it is about. */
function Translation({ code }: { readonly code: ErrorCode }) {
  const { t, i18n } = useTranslation('errors');
  if (currentLanguage() === 'en' || !i18n.exists(code, { ns: 'errors' })) return null;
  return <strong>{t(code as never)}</strong>;
}
