import { explainVm } from '../contract/availability.ts';
import { getVm } from '../contract/vms.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { renderExplanation, renderVm } from './vm-text.ts';

export async function vmShow(context: Context, name: string): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const vm = await cluster.call(getVm, { params: { name } });
  const explanation = await cluster.call(explainVm, { params: { name } });
  const { look } = context.output;
  report(context, { ...vm, explanation }, () =>
    [renderVm(vm, look, Date.now()), renderExplanation(explanation, look)].filter((part) => part !== '').join('\n\n'),
  );
  return EXIT_DONE;
}
