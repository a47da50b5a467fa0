import { getMigration } from '../contract/migrations.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { renderProgress } from './progress-view.ts';
import { renderReceipt } from './receipt-view.ts';

/** With --json the receipt of a migration that has ended, the progress of one that has not. */
export async function migrationShow(context: Context, id: string): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const view = await cluster.call(getMigration, { params: { id } });
  const { look } = context.output;
  if (view.state === 'ended') {
    report(context, view.receipt, () => renderReceipt(view.receipt, look));
  } else {
    const frame = { tick: 0, percentMin: 0, sinceHeardMs: 0, note: '' };
    report(context, view.progress, () => renderProgress(view.progress, frame, look).join('\n'));
  }
  return EXIT_DONE;
}
