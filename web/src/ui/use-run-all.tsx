import { Spinner, Toast, ToastBody, ToastTitle, useToastController } from '@fluentui/react-components';
import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { FailureToast, TOASTER_ID, useRun } from './use-run.tsx';

/** So many requests at a time: thousands at once would wait for each other until they are too late. */
const AT_ONCE = 6;
const SAID_EVERY_MS = 200;
/** Names of what failed that are said; the rest is a number. */
const NAMED_MAX = 5;

export interface Task {
  /** The object: "WebServer". */
  readonly name: string;
  /** What is being done, if it is the only one: "Start WebServer". */
  readonly what: string;
  readonly call: () => Promise<unknown>;
}

/** The same for each of the selected objects: one toast with how far it is, and one that stays for all that failed. */
export function useRunAll(): (action: string, tasks: readonly Task[]) => Promise<void> {
  const { dispatchToast, updateToast, dismissToast } = useToastController(TOASTER_ID);
  const { t } = useTranslation('ui');
  const run = useRun();
  return useCallback(
    async (action, tasks) => {
      const [only] = tasks;
      if (only === undefined) return;
      if (tasks.length === 1) {
        await run({ what: only.what, call: only.call });
        return;
      }
      const toastId = crypto.randomUUID();
      const toast = (done: number) => (
        <Toast>
          <ToastTitle media={<Spinner size="tiny" />}>{action}</ToastTitle>
          <ToastBody>{t('doneOf', { done, count: tasks.length })}</ToastBody>
        </Toast>
      );
      dispatchToast(toast(0), { toastId, timeout: -1 });
      let done = 0;
      const saying = window.setInterval(() => updateToast({ toastId, content: toast(done) }), SAID_EVERY_MS);
      const failed = await doAll(tasks, () => {
        done += 1;
      });
      window.clearInterval(saying);
      const [first] = failed;
      if (first === undefined) return dismissToast(toastId);
      const names = failed.slice(0, NAMED_MAX).map(({ name }) => name);
      const rest = failed.length - names.length;
      const list = names.join(', ') + (rest > 0 ? t('andMore', { count: rest }) : '');
      const what = t('failedOf', { action, failed: failed.length, count: tasks.length, names: list });
      updateToast({
        toastId,
        content: <FailureToast what={what} error={first.error} close={t('close')} />,
        intent: 'error',
        timeout: -1,
      });
    },
    [dispatchToast, updateToast, dismissToast, run, t],
  );
}

interface Failed {
  readonly name: string;
  readonly error: unknown;
}

async function doAll(tasks: readonly Task[], onDone: () => void): Promise<readonly Failed[]> {
  const failed: Failed[] = [];
  const waiting = [...tasks].reverse();
  const work = async () => {
    for (let task = waiting.pop(); task !== undefined; task = waiting.pop()) {
      try {
        await task.call();
      } catch (error) {
        failed.push({ name: task.name, error });
      }
      onDone();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return failed;
}
