import { type ClusterView, getCluster, listNodes } from '../contract/cluster.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import type { Look } from './look.ts';
import { renderNodes } from './node-list.ts';
import { renderFacts, renderTable } from './table.ts';

export async function clusterStatus(context: Context): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const view = await cluster.call(getCluster);
  if (context.json) {
    report(context, view, () => '');
    return EXIT_DONE;
  }
  const nodes = await cluster.call(listNodes);
  const { look } = context.output;
  report(context, view, () => `${renderCluster(view, look)}\n\n${renderNodes(nodes, look)}`);
  return EXIT_DONE;
}

export function renderCluster(view: ClusterView, look: Look): string {
  const { quorum, nodes, vms } = view;
  const states = Object.entries(vms.byState).map(([state, count]) => `${count} ${state}`);
  const facts = renderFacts(
    [
      ['cluster', view.name],
      ['nodes', `${nodes.up} of ${nodes.total} up`],
      [
        'quorum',
        `${quorum.held ? look.paint('green', 'held') : look.paint('red', 'lost')} (${quorum.healthy} of ${quorum.total} members healthy)`,
      ],
      ['witness', view.witness === null ? 'none' : `${view.witness.name}, ${view.witness.state}`],
      ['VMs', `${vms.total}${states.length === 0 ? '' : ` (${states.join(', ')})`}`],
      ['migrations', view.openMigrations === 0 ? 'none open' : `${view.openMigrations} open`],
      ['versions', versionsText(view)],
      ...(view.fresh
        ? []
        : [['note', look.paint('yellow', 'the store is silent; this is what was last known')] as const]),
    ],
    look,
  );
  const members = renderTable(
    quorum.members,
    [
      { title: 'STORE MEMBER', value: (member) => member.name },
      { title: 'HEALTHY', value: (member) => (member.healthy ? look.paint('green', 'yes') : look.paint('red', 'no')) },
      { title: 'LEADER', value: (member) => (member.leader ? 'yes' : '') },
      { title: 'VERSION', value: (member) => member.version ?? '–' },
    ],
    look,
  );
  return `${facts}\n\n${members}`;
}

function versionsText({ versions }: ClusterView): string {
  const parts = [
    ['godwit', versions.agent],
    ['QEMU', versions.qemu],
    ['etcd', versions.store],
  ] as const;
  return parts
    .filter(([, list]) => list.length > 0)
    .map(([name, list]) => `${name} ${list.join(' and ')}`)
    .join(', ');
}
