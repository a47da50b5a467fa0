import { Field, Input, makeStyles, Switch, Text, Textarea, tokens } from '@fluentui/react-components';
import { useTranslation } from 'react-i18next';
import type { StepProps } from './step-props.ts';

const useStyles = makeStyles({ row: { display: 'flex', flexWrap: 'wrap', gap: tokens.spacingHorizontalM } });

/** What cloud-init is told at the first boot: user, key, network. */
export function UserStep({ draft, change }: StepProps) {
  const styles = useStyles();
  const { t } = useTranslation('newVm');
  if (draft.source === 'lab') return <Text>{t('labUser')}</Text>;
  if (draft.source === 'empty' || draft.imageIsIso) return <Text>{t('installerUser')}</Text>;
  return (
    <>
      <Switch
        label={t('cloudInit')}
        checked={draft.cloudInit}
        onChange={(_event, { checked }) => change({ cloudInit: checked })}
      />
      {draft.cloudInit && (
        <>
          <div className={styles.row}>
            <Field label={t('user')}>
              <Input autoComplete="off" value={draft.user} onChange={(_event, { value }) => change({ user: value })} />
            </Field>
            <Field label={t('password')}>
              <Input
                type="password"
                autoComplete="new-password"
                value={draft.password}
                onChange={(_event, { value }) => change({ password: value })}
              />
            </Field>
          </div>
          <Field label={t('sshKeys')} hint={t('sshKeysHint')}>
            <Textarea
              rows={3}
              value={draft.sshKeys}
              placeholder="ssh-ed25519 AAAA… name@host"
              onChange={(_event, { value }) => change({ sshKeys: value })}
            />
          </Field>
          <Field label={t('address')} hint={t('addressHint')}>
            <Input value={draft.address} onChange={(_event, { value }) => change({ address: value })} />
          </Field>
        </>
      )}
    </>
  );
}
