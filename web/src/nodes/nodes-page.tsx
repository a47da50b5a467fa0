import { CounterBadge } from '@fluentui/react-components';
import { ServerRegular } from '@fluentui/react-icons';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { useCluster, useNodes } from '../live/live-hooks.ts';
import { ActionsPane } from '../ui/actions-pane.tsx';
import { CommandBar } from '../ui/command-bar.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { NotFound } from '../ui/not-found.tsx';
import { ObjectList } from '../ui/object-list.tsx';
import { Page } from '../ui/page.tsx';
import { SplitPage } from '../ui/split-page.tsx';
import { useNodeActions } from './node-actions.tsx';
import { useNodeColumns } from './node-columns.tsx';
import { NodeDetails } from './node-details.tsx';

const keyOf = (node: { readonly name: string }) => node.name;

/** All members of the cluster; `name` is the one that the address names. */
export function NodesPage({ name }: { readonly name?: string }) {
  const { t } = useTranslation(['nodes', 'ui']);
  const [, navigate] = useLocation();
  const nodes = useNodes();
  const cluster = useCluster();
  const columns = useNodeColumns(cluster);
  // The address is the selection of one; several selected at once are this page's own.
  const [several, setSeveral] = useState<ReadonlySet<string>>(new Set());
  const selected = useMemo(() => (several.size > 1 || name === undefined ? several : new Set([name])), [several, name]);
  const chosen = useMemo(() => nodes.filter((node) => selected.has(node.name)), [nodes, selected]);
  const { items, dialog } = useNodeActions(chosen);
  const select = (names: ReadonlySet<string>) => {
    setSeveral(names);
    const [only] = names;
    if (names.size === 1 && only !== undefined && only !== name) navigate(`/nodes/${encodeURIComponent(only)}`);
  };
  const [first] = chosen;
  const paneTitle = chosen.length > 1 ? t('ui:selected', { count: chosen.length }) : (first?.name ?? t('nodes:title'));
  const missing = name !== undefined && several.size <= 1 && first === undefined;
  return (
    <Page
      title={t('nodes:title')}
      crumbs={[]}
      beside={<CounterBadge count={nodes.length} overflowCount={999} color="informative" showZero />}
      commands={chosen.length === 0 ? undefined : <CommandBar label={t('ui:actions')} items={items} />}
    >
      <SplitPage
        list={
          <ObjectList
            id="nodes"
            label={t('nodes:title')}
            items={nodes}
            keyOf={keyOf}
            columns={columns}
            selected={selected}
            onSelect={select}
            actions={items}
            sorting={{ column: 'name', descending: false }}
            empty={<EmptyState icon={<ServerRegular />} title={t('ui:nothingToShow')} text="" />}
          />
        }
        details={
          missing ? (
            <NotFound name={name} />
          ) : chosen.length === 1 && first !== undefined ? (
            <NodeDetails key={first.name} node={first} />
          ) : null
        }
        actions={items.length === 0 ? null : <ActionsPane title={paneTitle} items={items} />}
      />
      {dialog}
    </Page>
  );
}
