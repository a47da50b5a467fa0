import { Field, Input, makeStyles, Text, Textarea, tokens } from '@fluentui/react-components';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { NodeView } from '../../../src/contract/cluster.ts';
import { FormDialog } from '../ui/form-dialog.tsx';
import { type FencingForm, readOptions, writeOptions } from './fencing-form.ts';
import type { FencingSettings } from './use-node-requests.ts';

const useStyles = makeStyles({
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
  const { t } = useTranslation('nodeActions');
  const [agent, setAgent] = useState((before ?? EMPTY).agent);
  const [text, setText] = useState(writeOptions((before ?? EMPTY).options));
  const [asked, setAsked] = useState(false);
  const form = readOptions(text);
  const agentError = asked && agent.trim() === '' ? t('fencingAgentMissing') : undefined;
  const formError = useFormError();
  const textError = asked ? formError(form) : undefined;
  const save = () => {
    setAsked(true);
    if (form.kind !== 'ready' || agent.trim() === '') return;
    onClose();
    onSave({ agent: agent.trim(), options: form.options });
  };
  return (
    <FormDialog
      alert
      title={t('fencingTitle', { node: node.name })}
      applyLabel={t('fencingSave')}
      // What is missing is said once saving was tried.
      ready
      onApply={save}
      onClose={onClose}
    >
      <Text>{t('fencingText')}</Text>
      <Field
        label={t('fencingAgent')}
        hint={t('fencingAgentHint')}
        {...(agentError !== undefined && { validationMessage: agentError })}
      >
        <Input value={agent} autoFocus autoComplete="off" onChange={(_event, { value }) => setAgent(value)} />
      </Field>
      <Field
        label={t('fencingOptions')}
        hint={t('fencingOptionsHint')}
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
      <Text size={200}>{t('testFirst')}</Text>
    </FormDialog>
  );
}

/** What is wrong with the options, one sentence. */
function useFormError(): (form: FencingForm) => string | undefined {
  const { t } = useTranslation('nodeActions');
  return (form) => {
    if (form.kind === 'malformed') return t('fencingMalformed', { line: form.line });
    return form.kind === 'secret' ? t('fencingSecretMissing', { name: form.name }) : undefined;
  };
}
