import { GodwitError } from '../contract/error-body.ts';
import { getNodeLoad, type NodeLoad } from '../contract/load.ts';
import { getNode } from '../contract/nodes.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { renderNode } from './node-text.ts';

export async function nodeShow(context: Context, name: string): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const detail = await cluster.call(getNode, { params: { name } });
  const load =
    detail.role === 'witness' ? null : await cluster.call(getNodeLoad, { params: { name } }).catch(unknownLoad);
  const node = { ...detail, load };
  report(context, node, () => renderNode(node, context.output.look, Date.now()));
  return EXIT_DONE;
}

/** An agent of an older version does not know how busy nodes are. */
function unknownLoad(error: unknown): NodeLoad | null {
  if (error instanceof GodwitError && error.code === 'NOT_FOUND') return null;
  throw error;
}
