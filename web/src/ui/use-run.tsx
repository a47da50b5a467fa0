import {
  Link,
  Spinner,
  Toast,
  ToastBody,
  ToastFooter,
  ToastTitle,
  ToastTrigger,
  useToastController,
} from '@fluentui/react-components';
import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { GodwitError } from '../../../src/contract/error-body.ts';
import { FailureText } from './failure-text.tsx';

export const TOASTER_ID = 'godwit-toasts';

const SUCCESS_SHOWN_MS = 4000;

export interface RunOptions<T> {
  /** What is being done, in the user's words: "Live migration of WebServer to node2". */
  readonly what: string;
  readonly call: () => Promise<T>;
  /** Said when the cluster has taken the request; nothing by default, where the page itself shows the change. */
  readonly done?: (result: T) => string | undefined;
  readonly afterwards?: (result: T) => void;
}

/** What has been asked for and not been answered yet, from wherever on the page. */
const running = new Set<string>();

/**
 * Does something that may be refused. Feedback comes at once; a failure stays until it is closed, with what happened, the state things are
 * in, the next step and the code. The same thing is not asked for twice at a time.
 */
export function useRun(): <T>(options: RunOptions<T>) => Promise<T | undefined> {
  const { dispatchToast, updateToast, dismissToast } = useToastController(TOASTER_ID);
  const { t } = useTranslation('ui');
  return useCallback(
    async <T,>({ what, call, done, afterwards }: RunOptions<T>): Promise<T | undefined> => {
      if (running.has(what)) return undefined;
      running.add(what);
      const toastId = crypto.randomUUID();
      dispatchToast(
        <Toast>
          <ToastTitle media={<Spinner size="tiny" />}>{what}</ToastTitle>
        </Toast>,
        { toastId, timeout: -1 },
      );
      try {
        const result = await call();
        const text = done?.(result);
        if (text === undefined) dismissToast(toastId);
        else
          updateToast({
            toastId,
            content: (
              <Toast>
                <ToastTitle>{text}</ToastTitle>
              </Toast>
            ),
            intent: 'success',
            timeout: SUCCESS_SHOWN_MS,
          });
        afterwards?.(result);
        return result;
      } catch (error) {
        updateToast({
          toastId,
          content: <FailureToast what={what} error={error} close={t('close')} />,
          intent: 'error',
          timeout: -1,
        });
        return undefined;
      } finally {
        running.delete(what);
      }
    },
    [dispatchToast, updateToast, dismissToast, t],
  );
}

export function FailureToast({
  what,
  error,
  close,
}: {
  readonly what: string;
  readonly error: unknown;
  readonly close: string;
}) {
  return (
    <Toast>
      <ToastTitle>{what}</ToastTitle>
      <ToastBody {...(error instanceof GodwitError && { subtitle: error.code })}>
        <FailureText error={error} />
      </ToastBody>
      <ToastFooter>
        <ToastTrigger>
          <Link>{close}</Link>
        </ToastTrigger>
      </ToastFooter>
    </Toast>
  );
}
