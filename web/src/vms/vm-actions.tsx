import type { ReactElement } from 'react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { cancelMigration } from '../../../src/contract/migrations.ts';
import { changeVm, pauseVm, resetVm, resumeVm, shutDownVm, startVm, type VmView } from '../../../src/contract/vms.ts';
import { useClient } from '../session/client-context.ts';
import type { ActionItem } from '../ui/actions.ts';
import { useRun } from '../ui/use-run.tsx';
import { DeleteVmDialog } from './delete-vm-dialog.tsx';
import { LiveMigrationTargets } from './live-migration-targets.tsx';
import { PropertiesDialog } from './properties-dialog.tsx';
import { SettingsDialog } from './settings-dialog.tsx';
import { TurnOffDialog } from './turn-off-dialog.tsx';
import { actionIcons } from './vm-action-icons.tsx';
import { obstacleTo, type VmActionId } from './vm-obstacles.ts';

type DialogName = 'delete' | 'settings' | 'properties' | 'turn-off';

/** What can be done to the selected VMs, and the dialog that is open. */
export function useVmActions(vms: readonly VmView[]): {
  readonly items: readonly ActionItem[];
  readonly dialog: ReactElement | null;
} {
  const { t } = useTranslation('actions');
  const [, navigate] = useLocation();
  const [open, setOpen] = useState<{ readonly name: DialogName; readonly vms: readonly VmView[] } | null>(null);
  const requests = useVmRequests();
  const [first] = vms;
  if (first === undefined) return { items: [], dialog: dialogOf(open, () => setOpen(null)) };
  const single = vms.length === 1;
  const item = (id: VmActionId, group: string, more: Partial<ActionItem> = {}): ActionItem => ({
    ...{ id, group, label: t(`labels.${id}`), icon: actionIcons[id] },
    obstacle: obstacleTo(id, vms, t),
    ...more,
  });
  const forEach = (request: (vm: VmView) => void) => () => vms.forEach(request);
  const show = (name: DialogName) => () => setOpen({ name, vms });
  const items: ActionItem[] = [
    ...(single ? [item('connect', 'connect', { primary: true, run: () => openConsole(first) })] : []),
    item('start', 'power', { primary: true, run: forEach(requests.start) }),
    item('shut-down', 'power', { primary: true, run: forEach(requests.shutDown) }),
    item('turn-off', 'power', { run: show('turn-off') }),
    item('pause', 'power', { run: forEach(requests.pause) }),
    item('resume', 'power', { run: forEach(requests.resume) }),
    item('reset', 'power', { run: forEach(requests.reset) }),
    item('live-migrate', 'move', { primary: true, submenu: () => <LiveMigrationTargets vms={vms} /> }),
    item('cancel-migration', 'move', { run: forEach(requests.cancel) }),
    ...(single
      ? [
          item('settings', 'settings', { run: show('settings') }),
          item('critical-events', 'settings', {
            run: () => navigate(`/events?vm=${encodeURIComponent(first.name)}&critical=true`),
          }),
        ]
      : []),
    item(first.automaticStart ? 'automatic-start-off' : 'automatic-start-on', 'settings', {
      run: forEach((vm) => requests.automaticStart(vm, !first.automaticStart)),
    }),
    ...(single
      ? [item('dependency-report', 'settings', { run: () => navigate(`/vms/${first.name}/dependencies`) })]
      : []),
    item('delete', 'delete', { danger: true, run: show('delete') }),
    ...(single ? [item('properties', 'properties', { run: show('properties') })] : []),
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
    case 'turn-off':
      return <TurnOffDialog vms={open.vms} onClose={onClose} />;
    case 'settings':
      return <SettingsDialog name={first.name} onClose={onClose} />;
    case 'properties':
      return <PropertiesDialog name={first.name} onClose={onClose} />;
  }
}

function openConsole(vm: VmView): void {
  const kind = vm.graphics ? 'vnc' : 'serial';
  window.open(`/vms/${encodeURIComponent(vm.name)}/console/${kind}`, `console-${vm.name}`, 'width=1060,height=860');
}

/** The requests that need no dialog. */
function useVmRequests() {
  const { t } = useTranslation('actions');
  const client = useClient();
  const run = useRun();
  const power = (route: typeof startVm, key: 'start' | 'shut-down' | 'pause' | 'resume' | 'reset') => (vm: VmView) =>
    void run({
      what: t(`doing.${key}`, { name: vm.name }),
      call: () => client.call(route, { params: { name: vm.name } }),
    });
  return {
    start: power(startVm, 'start'),
    shutDown: power(shutDownVm as unknown as typeof startVm, 'shut-down'),
    pause: power(pauseVm as unknown as typeof startVm, 'pause'),
    resume: power(resumeVm as unknown as typeof startVm, 'resume'),
    reset: power(resetVm as unknown as typeof startVm, 'reset'),
    cancel: (vm: VmView) =>
      void run({
        what: t('doing.cancel-migration', { name: vm.name }),
        call: () => client.call(cancelMigration, { params: { name: vm.name } }),
      }),
    automaticStart: (vm: VmView, automaticStart: boolean) =>
      void run({
        what: t(automaticStart ? 'doing.automatic-start-on' : 'doing.automatic-start-off', { name: vm.name }),
        call: () => client.call(changeVm, { params: { name: vm.name }, body: { automaticStart } }),
      }),
  };
}
