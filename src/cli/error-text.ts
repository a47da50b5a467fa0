import type { ErrorBody } from '../model/errors.ts';
import { type Look, wrap } from './look.ts';
import type { Output } from './output.ts';

/** What happened, in which state things are now, what to do next, and the code to look up. */
export function renderError(error: ErrorBody, look: Look): string {
  const reasons = reasonsOf(error);
  const indented = (label: string, text: string) => {
    const head = `  ${label.padEnd(7)}`;
    return look.paint('dim', head) + wrap(text, { columns: look.columns, indent: head.length });
  };
  return [
    look.paint('red', '✘ ') + wrap(error.message, { columns: look.columns, indent: 2 }),
    ...reasons.map((reason) => `    • ${wrap(reason, { columns: look.columns, indent: 6 })}`),
    ...(error.state === '' ? [] : [indented('now', error.state)]),
    ...(error.nextStep === '' ? [] : [indented('next', error.nextStep)]),
    indented('code', error.code),
  ].join('\n');
}

/** Reasons that the message does not already contain. */
function reasonsOf(error: ErrorBody): readonly string[] {
  const reasons = error.details?.['reasons'];
  if (!Array.isArray(reasons)) return [];
  return reasons.map(String).filter((reason) => !error.message.includes(reason));
}

/** To standard error: the object itself with --json, words otherwise. */
export function printErrorBody(context: { readonly json: boolean; readonly output: Output }, error: ErrorBody): void {
  const { output } = context;
  output.printError(context.json ? JSON.stringify(error) : renderError(error, output.errorLook));
}
