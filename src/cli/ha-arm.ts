import { armCluster } from '../contract/availability.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';

export async function haArm(context: Context): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const view = await cluster.call(armCluster);
  report(context, view, () => 'The cluster is armed: it brings VMs of dead nodes back by itself.');
  return EXIT_DONE;
}
