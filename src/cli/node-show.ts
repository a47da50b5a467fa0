import { getNode } from '../contract/nodes.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { renderNode } from './node-text.ts';

export async function nodeShow(context: Context, name: string): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const node = await cluster.call(getNode, { params: { name } });
  report(context, node, () => renderNode(node, context.output.look, Date.now()));
  return EXIT_DONE;
}
