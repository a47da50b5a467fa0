import { pauseNode } from '../contract/nodes.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { nodeSentence } from './node-text.ts';

export async function nodePause(context: Context, name: string): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const node = await cluster.call(pauseNode, { params: { name } });
  report(context, node, () => nodeSentence(node));
  return EXIT_DONE;
}
