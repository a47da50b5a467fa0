import { listNodes, type NodeView } from '../contract/cluster.ts';
import { formatBytes } from '../model/units.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import type { Look } from './look.ts';
import { nodeStateText } from './node-text.ts';
import { renderTable } from './table.ts';

export async function nodeList(context: Context): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const nodes = await cluster.call(listNodes);
  report(context, nodes, () => renderNodes(nodes, context.output.look));
  return EXIT_DONE;
}

export function renderNodes(nodes: readonly NodeView[], look: Look): string {
  return renderTable(
    nodes,
    [
      { title: 'NAME', value: (node) => node.name },
      { title: 'ROLE', value: (node) => node.role },
      { title: 'STATE', value: (node) => nodeStateText(node.state, look) },
      {
        title: 'FREE',
        align: 'right',
        value: (node) => (node.role === 'witness' ? '–' : formatBytes(node.memory.freeBytes)),
      },
      {
        title: 'MEMORY',
        align: 'right',
        value: (node) => (node.role === 'witness' ? '–' : formatBytes(node.memory.capacityBytes)),
      },
      { title: 'CPUS', align: 'right', value: (node) => (node.role === 'witness' ? '–' : String(node.cpus)) },
      {
        title: 'QEMU',
        value: (node) => (node.qemuVersion === null ? '–' : `${node.qemuVersion} ${node.accelerator ?? ''}`.trim()),
      },
      { title: 'VMS', value: (node) => node.vms.join(', ') || '–', shrink: true },
    ],
    look,
  );
}
