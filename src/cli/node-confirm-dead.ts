import { confirmDead } from '../contract/nodes.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { nodeSentence } from './node-text.ts';

export async function nodeConfirmDead(
  context: Context,
  name: string,
  options: { readonly confirm: string },
): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const node = await cluster.call(confirmDead, { params: { name }, body: { confirm: options.confirm } });
  report(
    context,
    node,
    () =>
      `${nodeSentence(node)} Its highly available VMs are brought back elsewhere; follow it with \`godwit events --follow\`.`,
  );
  return EXIT_DONE;
}
