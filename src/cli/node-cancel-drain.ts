import { cancelDrain } from '../contract/nodes.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';

export async function nodeCancelDrain(context: Context, name: string): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const node = await cluster.call(cancelDrain, { params: { name } });
  report(
    context,
    node,
    () =>
      `The drain of ${name} is cancelled. ${node.vms.length === 0 ? 'No VM is' : `${node.vms.join(', ')} stay`} on it; a migration that is open ends as it ends.\n` +
      `It is paused: let it take VMs again with \`godwit node resume ${name}\`, with --failback to bring back those that have left.`,
  );
  return EXIT_DONE;
}
