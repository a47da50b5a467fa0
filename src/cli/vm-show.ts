import { getVm } from '../contract/vms.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { renderVm } from './vm-text.ts';

export async function vmShow(context: Context, name: string): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const vm = await cluster.call(getVm, { params: { name } });
  report(context, vm, () => renderVm(vm, context.output.look, Date.now()));
  return EXIT_DONE;
}
