import { resumeNode } from '../contract/nodes.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { nodeSentence } from './node-text.ts';

export async function nodeResume(
  context: Context,
  name: string,
  options: { readonly failback?: boolean },
): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const failback = options.failback === true;
  const node = await cluster.call(resumeNode, { params: { name }, body: { failback } });
  report(context, node, () => {
    const coming = (node.service.drain?.vms ?? []).filter((vm) => !node.vms.includes(vm));
    return coming.length === 0
      ? nodeSentence(node)
      : `${nodeSentence(node)} These VMs come back: ${coming.join(', ')}.`;
  });
  return EXIT_DONE;
}
