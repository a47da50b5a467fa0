import { listVms } from '../contract/vms.ts';
import { formatBytes } from '../model/units.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import { renderTable } from './table.ts';
import { ago } from './times.ts';
import { vmStateText } from './vm-text.ts';

export async function vmList(context: Context): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const vms = await cluster.call(listVms);
  const { look } = context.output;
  const now = Date.now();
  report(context, vms, () =>
    vms.length === 0
      ? 'There is no VM. Create one with `godwit vm create NAME --memory 256M`.'
      : renderTable(
          vms,
          [
            { title: 'NAME', value: (vm) => vm.name, shrink: true },
            { title: 'STATE', value: (vm) => vmStateText(vm, look) },
            { title: 'OWNER', value: (vm) => vm.owner ?? '–' },
            { title: 'MEMORY', align: 'right', value: (vm) => formatBytes(vm.memoryBytes) },
            { title: 'CPUS', align: 'right', value: (vm) => String(vm.cpus) },
            { title: 'ADDRESS', value: (vm) => vm.addresses.join(', ') || '–', shrink: true },
            { title: 'SINCE', value: (vm) => (vm.since === null ? '–' : ago(vm.since, now)) },
          ],
          look,
        ),
  );
  return EXIT_DONE;
}
