import { CONSOLE_CLOSE } from '../../../src/contract/console.ts';

export type ConsoleState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open' }
  /** It will be tried again. */
  | { readonly kind: 'again' }
  | { readonly kind: 'ended'; readonly because: 'off' | 'noGraphics' | 'notFound' };

/** After a close: how long to wait before the next try, in milliseconds; null: there is no use in trying. */
export function afterClose(code: number): { readonly state: ConsoleState; readonly retryMs: number | null } {
  if (code === CONSOLE_CLOSE.moved) return { state: { kind: 'again' }, retryMs: 0 };
  // An administrator who turns a VM off often starts it again: its screen comes back by itself.
  if (code === CONSOLE_CLOSE.off) return { state: { kind: 'ended', because: 'off' }, retryMs: 2000 };
  if (code === CONSOLE_CLOSE.noGraphics) return { state: { kind: 'ended', because: 'noGraphics' }, retryMs: null };
  if (code === CONSOLE_CLOSE.notFound) return { state: { kind: 'ended', because: 'notFound' }, retryMs: null };
  return { state: { kind: 'again' }, retryMs: 700 };
}
