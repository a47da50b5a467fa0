import {
  Body1,
  Button,
  Caption1,
  Card,
  Field,
  Input,
  LargeTitle,
  MessageBar,
  MessageBarBody,
  makeStyles,
  Spinner,
  tokens,
} from '@fluentui/react-components';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { createClient } from '../../../src/client/client.ts';
import { GodwitError } from '../../../src/contract/error-body.ts';
import { type SessionView, signIn } from '../../../src/contract/session.ts';
import { AppearanceButtons } from '../frame/appearance-buttons.tsx';
import { transportTo } from '../live/connection.ts';

const useStyles = makeStyles({
  page: {
    minHeight: '100vh',
    display: 'flex',
    flexDirection: 'column',
    alignItems: 'center',
    justifyContent: 'center',
    gap: tokens.spacingVerticalL,
    padding: tokens.spacingHorizontalL,
    boxSizing: 'border-box',
    backgroundColor: tokens.colorNeutralBackground3,
  },
  head: { display: 'flex', alignItems: 'center', gap: tokens.spacingHorizontalM },
  card: { width: '100%', maxWidth: '24rem', padding: tokens.spacingHorizontalXXL, rowGap: tokens.spacingVerticalL },
  form: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalM },
  note: { color: tokens.colorNeutralForeground2, textAlign: 'center', maxWidth: '24rem' },
});

export function SignInPage({ onSignedIn }: { readonly onSignedIn: (session: SessionView) => void }) {
  const styles = useStyles();
  const { t } = useTranslation('session');
  return (
    <main className={styles.page}>
      <div className={styles.head}>
        <img src="/godwit.svg" alt="" width={48} height={48} />
        <LargeTitle as="h1">Godwit</LargeTitle>
      </div>
      <Card className={styles.card}>
        <Body1>{t('intro', { host: location.host })}</Body1>
        <SignInForm onSignedIn={onSignedIn} />
      </Card>
      <Caption1 className={styles.note}>{t('where')}</Caption1>
      <AppearanceButtons />
    </main>
  );
}

function SignInForm({ onSignedIn }: { readonly onSignedIn: (session: SessionView) => void }) {
  const styles = useStyles();
  const { t } = useTranslation('session');
  const [user, setUser] = useState('admin');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    setBusy(true);
    setFailure(null);
    try {
      const client = createClient(transportTo(location.origin, () => null));
      onSignedIn(await client.call(signIn, { body: { user, password } }));
    } catch (error) {
      setFailure(failureText(error));
      setPassword('');
      form.querySelector<HTMLInputElement>('input[type=password]')?.focus();
    } finally {
      setBusy(false);
    }
  };
  const failureText = (error: unknown): string => {
    if (!(error instanceof GodwitError)) return t('failedOtherwise', { reason: String(error) });
    if (error.code === 'SIGN_IN_FAILED') return t('wrong');
    if (error.code === 'TOO_MANY_SIGN_INS')
      return t('tooMany', { seconds: Number(error.details?.['retryAfterSeconds'] ?? 60) });
    return t('failedOtherwise', { reason: error.message });
  };
  return (
    <form className={styles.form} onSubmit={(event) => void submit(event)}>
      {failure !== null && (
        <MessageBar intent="error" layout="multiline">
          <MessageBarBody>{failure}</MessageBarBody>
        </MessageBar>
      )}
      <Field label={t('user')} required>
        <Input name="username" autoComplete="username" value={user} onChange={(_event, data) => setUser(data.value)} />
      </Field>
      <Field label={t('password')} required>
        <Input
          name="password"
          type="password"
          autoComplete="current-password"
          autoFocus
          value={password}
          onChange={(_event, data) => setPassword(data.value)}
        />
      </Field>
      <Button
        type="submit"
        appearance="primary"
        disabled={busy || user === '' || password === ''}
        {...(busy && { icon: <Spinner size="tiny" /> })}
      >
        {t('signIn')}
      </Button>
    </form>
  );
}
