import type { ReactElement } from 'react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { cancelMigration } from '../../../src/contract/migrations.ts';
import {
  changeVm,
  pauseVm,
  resetVm,
  resumeVm,
  saveVm,
  shutDownVm,
  startVm,
  type VmView,
} from '../../../src/contract/vms.ts';
import { useClient } from '../session/client-context.ts';
import type { ActionItem } from '../ui/actions.ts';
import { type Task, useRunAll } from '../ui/use-run-all.tsx';
import { DeleteSavedStateDialog } from './delete-saved-state-dialog.tsx';
import { DeleteVmDialog } from './delete-vm-dialog.tsx';
import { LiveMigrationTargets } from './live-migration-targets.tsx';
import { MigrationOptionsDialog } from './migration-options-dialog.tsx';
import { PropertiesDialog } from './properties-dialog.tsx';
import { SettingsDialog } from './settings-dialog.tsx';
import { TurnOffDialog } from './turn-off-dialog.tsx';
import { actionIcons } from './vm-action-icons.tsx';
import { VmHelpDialog } from './vm-help-dialog.tsx';
import { obstacleTo, type VmActionId } from './vm-obstacles.ts';

type DialogName =
  | 'delete'
  | 'delete-saved-state'
  | 'settings'
  | 'add-storage'
  | 'properties'
  | 'turn-off'
  | 'migration-options'
  | 'help';

/** What can be done to the selected VMs, and the dialog that is open. */
export function useVmActions(vms: readonly VmView[]): {
  readonly items: readonly ActionItem[];
  readonly dialog: ReactElement | null;
} {
  const { t } = useTranslation('actions');
  const [, navigate] = useLocation();
  const [open, setOpen] = useState<{ readonly name: DialogName; readonly vms: readonly VmView[] } | null>(null);
  const requests = useVmRequests();
  const runAll = useRunAll();
  const [first] = vms;
  if (first === undefined) return { items: [], dialog: dialogOf(open, () => setOpen(null)) };
  const single = vms.length === 1;
  const item = (id: VmActionId, group: string, more: Partial<ActionItem> = {}): ActionItem => ({
    ...{ id, group, label: t(`labels.${id}`), icon: actionIcons[id] },
    obstacle: obstacleTo(id, vms, t),
    ...more,
  });
  const each = (id: RequestId, concerned: readonly VmView[] = vms) => ({
    run: () => void runAll(t(`labels.${id}`), concerned.map(requests[id])),
  });
  const show = (name: DialogName, concerned = vms) => {
    return () => setOpen({ name, vms: concerned });
  };
  // Where the selected ones differ, both are offered, each for those that it changes.
  const begin = vms.filter(({ automaticStart }) => automaticStart);
  const stay = vms.filter(({ automaticStart }) => !automaticStart);
  const saved = vms.filter((vm) => vm.saved !== null);
  const items: ActionItem[] = [
    ...(single ? [item('connect', 'connect', { primary: true, run: () => openConsole(first) })] : []),
    item('start', 'power', { primary: true, ...each('start') }),
    item('shut-down', 'power', { primary: true, ...each('shut-down') }),
    item('turn-off', 'power', { run: show('turn-off') }),
    item('save', 'power', each('save')),
    item('pause', 'power', each('pause')),
    item('resume', 'power', each('resume')),
    item('reset', 'power', each('reset')),
    ...(saved.length > 0
      ? [
          item('delete-saved-state', 'power', {
            danger: true,
            obstacle: obstacleTo('delete-saved-state', saved, t),
            run: show('delete-saved-state', saved),
          }),
        ]
      : []),
    item('live-migrate', 'move', {
      primary: true,
      submenu: () => <LiveMigrationTargets vms={vms} onOptions={show('migration-options')} />,
    }),
    item('cancel-migration', 'move', each('cancel-migration')),
    ...(single
      ? [
          item('settings', 'settings', { run: show('settings') }),
          item('add-storage', 'settings', { run: show('add-storage') }),
          item('critical-events', 'settings', {
            run: () => navigate(`/events?vm=${encodeURIComponent(first.name)}&critical=true`),
          }),
        ]
      : []),
    ...(stay.length > 0 ? [item('automatic-start-on', 'settings', each('automatic-start-on', stay))] : []),
    ...(begin.length > 0 ? [item('automatic-start-off', 'settings', each('automatic-start-off', begin))] : []),
    ...(single
      ? [
          item('dependency-report', 'settings', {
            run: () => navigate(`/vms/${encodeURIComponent(first.name)}/dependencies`),
          }),
        ]
      : []),
    item('delete', 'delete', { danger: true, shortcut: 'Delete', run: show('delete') }),
    ...(single ? [item('properties', 'properties', { run: show('properties') })] : []),
    item('help', 'properties', { run: show('help') }),
  ];
  return { items, dialog: dialogOf(open, () => setOpen(null)) };
}

function dialogOf(
  open: { readonly name: DialogName; readonly vms: readonly VmView[] } | null,
  onClose: () => void,
): ReactElement | null {
  const [first] = open?.vms ?? [];
  if (open === null || first === undefined) return null;
  switch (open.name) {
    case 'delete':
      return <DeleteVmDialog vms={open.vms} onClose={onClose} />;
    case 'delete-saved-state':
      return <DeleteSavedStateDialog vms={open.vms} onClose={onClose} />;
    case 'turn-off':
      return <TurnOffDialog vms={open.vms} onClose={onClose} />;
    case 'settings':
    case 'add-storage':
      return <SettingsDialog name={first.name} newDisk={open.name === 'add-storage'} onClose={onClose} />;
    case 'migration-options':
      return <MigrationOptionsDialog vms={open.vms} onClose={onClose} />;
    case 'help':
      return <VmHelpDialog onClose={onClose} />;
    case 'properties':
      return <PropertiesDialog name={first.name} onClose={onClose} />;
  }
}

function openConsole(vm: VmView): void {
  const kind = vm.graphics ? 'vnc' : 'serial';
  window.open(`/vms/${encodeURIComponent(vm.name)}/console/${kind}`, `console-${vm.name}`, 'width=1060,height=860');
}

type RequestId =
  | 'start'
  | 'shut-down'
  | 'save'
  | 'pause'
  | 'resume'
  | 'reset'
  | 'cancel-migration'
  | 'automatic-start-on'
  | 'automatic-start-off';

/** The requests that need no dialog. */
function useVmRequests(): Record<RequestId, (vm: VmView) => Task> {
  const { t } = useTranslation('actions');
  const client = useClient();
  const task = (id: RequestId, call: (params: { readonly name: string }) => Promise<unknown>) => {
    return ({ name }: VmView): Task => ({ name, what: t(`doing.${id}`, { name }), call: () => call({ name }) });
  };
  const automaticStart = (begins: boolean) => (params: { readonly name: string }) =>
    client.call(changeVm, { params, body: { automaticStart: begins } });
  return {
    start: task('start', (params) => client.call(startVm, { params })),
    'shut-down': task('shut-down', (params) => client.call(shutDownVm, { params })),
    save: task('save', (params) => client.call(saveVm, { params })),
    pause: task('pause', (params) => client.call(pauseVm, { params })),
    resume: task('resume', (params) => client.call(resumeVm, { params })),
    reset: task('reset', (params) => client.call(resetVm, { params })),
    'cancel-migration': task('cancel-migration', (params) => client.call(cancelMigration, { params })),
    'automatic-start-on': task('automatic-start-on', automaticStart(true)),
    'automatic-start-off': task('automatic-start-off', automaticStart(false)),
  };
}
