import { disarmCluster } from '../contract/availability.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';

export async function haDisarm(context: Context, reason: string): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const view = await cluster.call(disarmCluster, { body: { reason } });
  report(
    context,
    view,
    () =>
      'The cluster is disarmed: VMs run on wherever they are, and none is brought back by itself.\nArm it again with `godwit ha arm` when the work is done.',
  );
  return EXIT_DONE;
}
