import { MenuItem } from '@fluentui/react-components';
import {
  AlertUrgentRegular,
  DeleteRegular,
  ArrowExitRegular,
  ArrowUndoRegular,
  DismissCircleRegular,
  PauseRegular,
  PlayRegular,
  PlugDisconnectedRegular,
  ShieldErrorRegular,
} from '@fluentui/react-icons';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import type { NodeView } from '../../../src/contract/cluster.ts';
import { useCluster } from '../live/live-hooks.ts';
import type { ActionItem } from '../ui/actions.ts';
import { NodeDialog, type NodeDialogName } from './node-dialogs.tsx';
import { fencingOf } from './node-facts.ts';
import { type NodeActionId, nodeObstacle } from './node-obstacles.ts';
import { useNodeRequests } from './use-node-requests.ts';

const ICONS: Partial<Record<NodeActionId, ReactElement>> = {
  pause: <PauseRegular />,
  drain: <ArrowExitRegular />,
  cancelDrain: <DismissCircleRegular />,
  resume: <PlayRegular />,
  resumeFailback: <ArrowUndoRegular />,
  confirmDead: <ShieldErrorRegular />,
  evict: <DeleteRegular />,
  fencing: <PlugDisconnectedRegular />,
};

/** What can be done to the selected nodes, and the dialog that is open. */
export function useNodeActions(nodes: readonly NodeView[]): {
  readonly items: readonly ActionItem[];
  readonly dialog: ReactElement | null;
} {
  const { t } = useTranslation('nodeActions');
  const [, navigate] = useLocation();
  const requests = useNodeRequests();
  const obstacle = useObstacle();
  const [open, setOpen] = useState<{ readonly name: NodeDialogName; readonly node: NodeView } | null>(null);
  const dialog = open === null ? null : <NodeDialog {...open} onClose={() => setOpen(null)} />;
  const [first] = nodes;
  if (first === undefined) return { items: [], dialog };
  const single = nodes.length === 1;
  const item = (id: NodeActionId, group: string, more: Partial<ActionItem>): ActionItem => ({
    ...{ id: kebab(id), group, label: t(`actions.${id}`), obstacle: obstacle(id, nodes) },
    ...(ICONS[id] !== undefined && { icon: ICONS[id] }),
    ...more,
  });
  const forEach = (request: (node: NodeView) => unknown) => () => nodes.forEach((node) => void request(node));
  const show = (name: NodeDialogName) => () => setOpen({ name, node: first });
  const draining = nodes.some(({ state }) => state === 'draining');
  const items: ActionItem[] = [
    item('pause', 'service', { primary: true, run: forEach(requests.pause) }),
    // Each node has a preview of its own: one at a time.
    ...(single ? [item('drain', 'service', { primary: true, run: show('drain') })] : []),
    ...(draining ? [item('cancelDrain', 'service', { primary: true, run: forEach(requests.cancelDrain) })] : []),
    item('resume', 'service', { primary: true, run: forEach((node) => requests.resume(node, false)) }),
    item('resumeFailback', 'service', { run: forEach((node) => requests.resume(node, true)) }),
    ...(single
      ? [
          {
            ...{ id: 'critical-events', label: t('actions.criticalEvents'), icon: <AlertUrgentRegular /> },
            ...{ group: 'look', obstacle: null },
            run: () => navigate(`/events?node=${encodeURIComponent(first.name)}&critical=true`),
          },
          item('fencing', 'fencing', { submenu: () => <FencingMenu node={first} onConfigure={show('fencing')} /> }),
          item('confirmDead', 'dead', { danger: true, run: show('confirm-dead') }),
          item('evict', 'dead', { danger: true, run: show('evict') }),
        ]
      : []),
  ];
  return { items, dialog };
}

/** Why it cannot be done to all of them, one sentence in the page's language; null: it can. */
function useObstacle() {
  const { t } = useTranslation(['nodeActions', 'ui']);
  return (id: NodeActionId, nodes: readonly NodeView[]): string | null => {
    for (const node of nodes) {
      const found = nodeObstacle(id, node);
      if (found !== null) return t(`obstacles.${found}`, { node: node.name, state: t(`ui:nodeStates.${node.state}`) });
    }
    return null;
  };
}

function FencingMenu({ node, onConfigure }: { readonly node: NodeView; readonly onConfigure: () => void }) {
  const { t } = useTranslation('nodeActions');
  const requests = useNodeRequests();
  const cluster = useCluster();
  const configured = (fencingOf(cluster, node.name)?.powerFencing ?? null) !== null;
  return (
    <>
      <MenuItem data-action="fencing-configure" onClick={onConfigure}>
        {t('actions.fencingConfigure')}
      </MenuItem>
      <MenuItem
        data-action="fencing-test"
        disabled={!configured}
        {...(!configured && { title: t('obstacles.noFencing') })}
        onClick={() => void requests.testFencing(node)}
      >
        {t('actions.fencingTest')}
      </MenuItem>
      <MenuItem
        data-action="fencing-remove"
        disabled={!configured}
        {...(!configured && { title: t('obstacles.noFencing') })}
        onClick={() => void requests.removeFencing(node)}
      >
        {t('actions.fencingRemove')}
      </MenuItem>
    </>
  );
}

function kebab(id: string): string {
  return id.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
