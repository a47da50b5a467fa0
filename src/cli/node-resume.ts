import { getNode, resumeNode } from '../contract/nodes.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { nodeSentence } from './node-text.ts';

export async function nodeResume(
  context: Context,
  name: string,
  options: { readonly failback?: boolean },
): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const failback = options.failback === true;
  const { quarantinedUntil: before } = await cluster.call(getNode, { params: { name } });
  const node = await cluster.call(resumeNode, { params: { name }, body: { failback } });
  report(context, node, () => {
    const coming = (node.service.drain?.vms ?? []).filter((vm) => !node.vms.includes(vm));
    return [
      ...(before !== null && node.quarantinedUntil === null ? [`Its quarantine until ${before} is ended.`] : []),
      nodeSentence(node),
      ...(coming.length === 0 ? [] : [`These VMs come back: ${coming.join(', ')}.`]),
    ].join(' ');
  });
  return EXIT_DONE;
}
