import { type ClusterView, getCluster, listNodes } from '../contract/cluster.ts';
import { formatMs } from '../model/units.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { availabilityText } from './ha-text.ts';
import { type Look, wrap } from './look.ts';
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
  report(context, view, () => `${renderCluster(view, look, Date.now())}\n\n${renderNodes(nodes, look)}`);
  return EXIT_DONE;
}

export function renderCluster(view: ClusterView, look: Look, nowMs: number): string {
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
      ['availability', availabilityText(view.availability, look, nowMs)],
      [
        'failover',
        view.failover.automatic
          ? look.paint('green', 'automatic')
          : look.paint('yellow', 'not automatic for every node'),
      ],
      ['survival', look.paint(view.survival.survives ? 'green' : 'yellow', view.survival.text)],
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
  return [facts, ...notesText(view, look), members, renderFencing(view, look)].join('\n\n');
}

/** What a person should do something about. */
function notesText({ failover, survival }: ClusterView, look: Look): string[] {
  const misfits = survival.nodes.flatMap(({ node, misfits: all }) =>
    all.map(({ vm, reason }) => `Without ${node}, ${vm} would have no place (${reason}).`),
  );
  const notes = [...failover.notes, ...misfits.slice(0, MISFITS_SHOWN)];
  if (notes.length === 0) return [];
  const mark = look.paint('yellow', '!');
  return [notes.map((note) => `${mark} ${wrap(note, { columns: look.columns, indent: 2 })}`).join('\n')];
}

const MISFITS_SHOWN = 10;

function renderFencing({ fencing }: ClusterView, look: Look): string {
  return renderTable(
    fencing,
    [
      { title: 'FENCING OF', value: (node) => node.node },
      { title: 'AUTHORITY', value: (node) => authorityText(node.authority, look) },
      {
        title: 'WATCHDOG',
        align: 'right',
        value: (node) => (node.watchdogMs === null ? 'none' : formatMs(node.watchdogMs)),
      },
      {
        title: 'TAKEOVER',
        align: 'right',
        value: (node) => (node.takeoverMs === null ? 'on proof' : formatMs(node.takeoverMs)),
      },
      {
        title: 'VOTES',
        value: (node) => (node.takeoverMs === null ? '–' : `${node.votesNeeded ?? 0} of ${node.voters.length}`),
      },
      { title: 'POWER', value: (node) => node.powerFencing ?? '–' },
    ],
    look,
  );
}

function authorityText(authority: ClusterView['fencing'][number]['authority'], look: Look): string {
  const styles = { held: 'green', promised: 'yellow', ended: 'red', unknown: 'red' } as const;
  return look.paint(styles[authority], authority);
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
