import { Button, CounterBadge } from '@fluentui/react-components';
import { AddRegular, DesktopRegular } from '@fluentui/react-icons';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { useCluster, useVms } from '../live/live-hooks.ts';
import { ActionsPane } from '../ui/actions-pane.tsx';
import type { ActionItem } from '../ui/actions.ts';
import { CommandBar } from '../ui/command-bar.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { NotFound } from '../ui/not-found.tsx';
import { ObjectList } from '../ui/object-list.tsx';
import { Page } from '../ui/page.tsx';
import { SplitPage } from '../ui/split-page.tsx';
import { useVmActions } from './vm-actions.tsx';
import { useVmColumns } from './vm-columns.tsx';
import { VmDetails } from './vm-details.tsx';

const keyOf = (vm: { readonly name: string }) => vm.name;

/** All VMs; `name` is the one that the address names. */
export function VmsPage({ name }: { readonly name?: string }) {
  const { t } = useTranslation(['vms', 'frame', 'ui']);
  const [, navigate] = useLocation();
  const vms = useVms();
  const cluster = useCluster();
  const columns = useVmColumns();
  // The address is the selection of one; several selected at once are this page's own.
  const [several, setSeveral] = useState<{ readonly names: ReadonlySet<string>; readonly at: string | undefined }>();
  const selected = useMemo(() => {
    if (several !== undefined && several.at === name && several.names.size > 1) return several.names;
    return new Set(name === undefined ? [] : [name]);
  }, [several, name]);
  const chosen = useMemo(() => vms.filter((vm) => selected.has(vm.name)), [vms, selected]);
  const { items, dialog } = useVmActions(chosen);
  const select = (names: ReadonlySet<string>) => {
    setSeveral({ names, at: name });
    const [only] = names;
    if (names.size > 1 || only === name) return;
    // Walking along the list leaves one step in the history, not one per row.
    navigate(only === undefined ? '/vms' : `/vms/${encodeURIComponent(only)}`, { replace: name !== undefined });
  };
  const newVm: ActionItem = {
    ...{ id: 'new-vm', label: t('vms:newVm'), icon: <AddRegular />, group: 'new', obstacle: null, primary: true },
    run: () => navigate('/new-vm'),
  };
  const [first] = chosen;
  const paneTitle = chosen.length > 1 ? t('ui:selected', { count: chosen.length }) : (first?.name ?? t('frame:vms'));
  const open = (of: string) => navigate(`/vms/${encodeURIComponent(of)}/dependencies`);
  const missing = name !== undefined && selected.size === 1 && first === undefined;
  return (
    <Page
      title={t('frame:vms')}
      crumbs={[]}
      beside={<CounterBadge count={vms.length} overflowCount={99_999} color="informative" showZero />}
      commands={<CommandBar label={t('ui:actions')} items={chosen.length === 0 ? [newVm] : [newVm, ...items]} />}
    >
      <SplitPage
        list={
          <ObjectList
            id="vms"
            label={t('frame:vms')}
            items={vms}
            keyOf={keyOf}
            columns={columns}
            selected={selected}
            onSelect={select}
            onOpen={open}
            actions={items}
            sorting={{ column: 'name', descending: false }}
            empty={
              <EmptyState
                icon={<DesktopRegular />}
                title={t('vms:noneTitle')}
                text={t('vms:noneText', { cluster: cluster?.name ?? '' })}
                action={
                  <Button appearance="primary" icon={<AddRegular />} onClick={() => navigate('/new-vm')}>
                    {t('vms:newVm')}
                  </Button>
                }
              />
            }
          />
        }
        details={
          missing ? (
            <NotFound name={name} />
          ) : chosen.length === 1 && first !== undefined ? (
            <VmDetails vm={first} />
          ) : null
        }
        actions={<ActionsPane title={paneTitle} items={[newVm, ...items]} />}
      />
      {dialog}
    </Page>
  );
}
