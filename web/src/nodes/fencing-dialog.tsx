import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  Field,
  Input,
  makeStyles,
  Text,
  Textarea,
  tokens,
} from '@fluentui/react-components';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { NodeView } from '../../../src/contract/cluster.ts';
import { type FencingForm, readOptions, writeOptions } from './fencing-form.ts';
import type { FencingSettings } from './use-node-requests.ts';

const useStyles = makeStyles({
  content: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalM },
  code: { fontFamily: tokens.fontFamilyMonospace },
});

const EMPTY: FencingSettings = { agent: 'fence_ipmilan', options: { ip: '', username: '', password: '' } };

/** How a node's power is switched. `before`: null where nothing is configured. */
export function FencingDialog(props: {
  readonly node: NodeView;
  readonly before: FencingSettings | null;
  readonly onSave: (settings: FencingSettings) => void;
  readonly onClose: () => void;
}) {
  const { node, before, onSave, onClose } = props;
  const styles = useStyles();
  const { t } = useTranslation(['nodes', 'ui']);
  const [agent, setAgent] = useState((before ?? EMPTY).agent);
  const [text, setText] = useState(writeOptions((before ?? EMPTY).options));
  const [asked, setAsked] = useState(false);
  const form = readOptions(text);
  const agentError = asked && agent.trim() === '' ? t('nodes:fencingAgentMissing') : undefined;
  const formError = useFormError();
  const textError = asked ? formError(form) : undefined;
  const save = (event: FormEvent) => {
    event.preventDefault();
    setAsked(true);
    if (form.kind !== 'ready' || agent.trim() === '') return;
    onClose();
    onSave({ agent: agent.trim(), options: form.options });
  };
  return (
    <Dialog open modalType="alert" onOpenChange={(_event, { open }) => !open && onClose()}>
      <DialogSurface aria-describedby={undefined}>
        <form onSubmit={save}>
          <DialogBody>
            <DialogTitle>{t('nodes:fencingTitle', { node: node.name })}</DialogTitle>
            <DialogContent className={styles.content}>
              <Text>{t('nodes:fencingText')}</Text>
              <Field
                label={t('nodes:fencingAgent')}
                hint={t('nodes:fencingAgentHint')}
                {...(agentError !== undefined && { validationMessage: agentError })}
              >
                <Input value={agent} autoFocus autoComplete="off" onChange={(_event, { value }) => setAgent(value)} />
              </Field>
              <Field
                label={t('nodes:fencingOptions')}
                hint={t('nodes:fencingOptionsHint')}
                {...(textError !== undefined && { validationMessage: textError })}
              >
                <Textarea
                  rows={6}
                  resize="vertical"
                  spellCheck={false}
                  autoComplete="off"
                  textarea={{ className: styles.code }}
                  value={text}
                  onChange={(_event, { value }) => setText(value)}
                />
              </Field>
              <Text size={200}>{t('nodes:testFirst')}</Text>
            </DialogContent>
            <DialogActions>
              <Button onClick={onClose}>{t('ui:cancel')}</Button>
              <Button type="submit" appearance="primary">
                {t('nodes:fencingSave')}
              </Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}

/** What is wrong with the options, one sentence. */
function useFormError(): (form: FencingForm) => string | undefined {
  const { t } = useTranslation('nodes');
  return (form) => {
    if (form.kind === 'malformed') return t('fencingMalformed', { line: form.line });
    return form.kind === 'secret' ? t('fencingSecretMissing', { name: form.name }) : undefined;
  };
}
