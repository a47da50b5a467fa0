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
  ProgressBar,
  Tab,
  TabList,
  Text,
  tokens,
} from '@fluentui/react-components';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { listImages } from '../../../src/contract/images.ts';
import { useVms } from '../live/live-hooks.ts';
import { useClient } from '../session/client-context.ts';
import { FailureText } from '../ui/failure-text.tsx';
import { AvailabilityStep } from './availability-step.tsx';
import { ImageStep } from './image-step.tsx';
import { lackOf, NEW_VM, type NewVm } from './new-vm-draft.ts';
import { SizeStep } from './size-step.tsx';
import { UserStep } from './user-step.tsx';
import { useCreation } from './use-creation.ts';

const useStyles = makeStyles({
  surface: { maxWidth: '680px' },
  content: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalM, minHeight: '24rem' },
  step: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalM },
  button: { whiteSpace: 'nowrap', width: 'auto' },
  failure: { color: tokens.colorStatusDangerForeground1 },
  lack: { color: tokens.colorNeutralForeground3, marginTop: 'auto' },
});

const STEPS = ['image', 'size', 'user', 'availability'] as const;
type Step = (typeof STEPS)[number];

/** A new VM in a minute: a name and an image are enough, everything else has a sensible value. */
export function NewVmDialog() {
  const { t } = useTranslation('newVm');
  const [, navigate] = useLocation();
  const client = useClient();
  const { data: library } = useQuery({ queryKey: ['images'], queryFn: () => client.call(listImages) });
  const [entered, setEntered] = useState<Partial<NewVm>>({});
  // A lab has an image of its own that boots at once.
  const draft: NewVm = { ...NEW_VM, ...(library?.lab === true && LAB_DEFAULTS), ...entered };
  const vms = useVms();
  const [step, setStep] = useState<Step>('image');
  const creation = useCreation();
  // One that was made here and could not be started may be started by trying again.
  const taken = useMemo(
    () => new Set(vms.map(({ name }) => name).filter((name) => !creation.made.has(name))),
    [vms, creation.made],
  );
  const lack = lackOf(draft, taken);
  const change = (part: Partial<NewVm>) => setEntered((before) => ({ ...before, ...part }));
  const close = () => {
    creation.cancel();
    navigate('/vms');
  };
  const create = () => void creation.create(draft).then((done) => done && navigate(`/vms/${draft.name}`));
  const next = STEPS[STEPS.indexOf(step) + 1];
  const styles = useStyles();
  return (
    <Dialog
      open
      // A click beside it must not throw away what was entered.
      onOpenChange={(_event, { open, type }) => !open && type !== 'backdropClick' && close()}
    >
      <DialogSurface className={styles.surface} aria-describedby={undefined}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (lack === null && !creation.busy) create();
          }}
        >
          <DialogBody>
            <DialogTitle>{t('title')}</DialogTitle>
            <DialogContent className={styles.content}>
              <NameField draft={draft} taken={taken} change={change} />
              <TabList size="small" selectedValue={step} onTabSelect={(_event, { value }) => setStep(value as Step)}>
                {STEPS.map((name, index) => (
                  <Tab key={name} value={name}>{`${index + 1}. ${t(`steps.${name}`)}`}</Tab>
                ))}
              </TabList>
              <div className={styles.step}>
                {step === 'image' && <ImageStep draft={draft} change={change} library={library} />}
                {step === 'size' && <SizeStep draft={draft} change={change} />}
                {step === 'user' && <UserStep draft={draft} change={change} />}
                {step === 'availability' && <AvailabilityStep draft={draft} change={change} />}
              </div>
              <Text size={200} className={styles.lack} role="status">
                {lack === null ? t('ready') : t(`lacks.${lack}`)}
              </Text>
              {creation.step !== null && (
                <Field validationState="none" validationMessage={creation.step.text}>
                  <ProgressBar {...(creation.step.done !== null && { value: creation.step.done })} />
                </Field>
              )}
              {creation.failure !== null && (
                <div role="alert" className={styles.failure}>
                  <FailureText error={creation.failure} />
                </div>
              )}
            </DialogContent>
            <DialogActions fluid>
              <Button className={styles.button} onClick={close}>
                {t('cancel')}
              </Button>
              {next !== undefined && (
                <Button className={styles.button} onClick={() => setStep(next)}>
                  {t('next')}
                </Button>
              )}
              <Button
                className={styles.button}
                type="submit"
                appearance="primary"
                disabled={lack !== null || creation.busy}
              >
                {t(draft.startNow ? 'createAndStart' : 'create')}
              </Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}

const LAB_DEFAULTS = { source: 'lab', memoryMib: 256, diskGib: 1 } as const;

function NameField(props: {
  readonly draft: NewVm;
  readonly taken: ReadonlySet<string>;
  readonly change: (part: Partial<NewVm>) => void;
}) {
  const { draft, taken, change } = props;
  const { t } = useTranslation('newVm');
  const lack = lackOf(draft, taken);
  const wrong = lack === 'nameForm' || lack === 'nameTaken' ? t(`lacks.${lack}`) : undefined;
  return (
    <Field label={t('name')} required {...(wrong !== undefined && { validationMessage: wrong })}>
      <Input
        value={draft.name}
        placeholder="WebServer"
        autoFocus
        autoComplete="off"
        onChange={(_event, { value }) => change({ name: value })}
      />
    </Field>
  );
}
