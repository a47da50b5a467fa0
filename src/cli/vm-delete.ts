import { deleteVm } from '../contract/vms.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';

export async function vmDelete(
  context: Context,
  name: string,
  options: { readonly deleteDisks?: boolean },
): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const query = options.deleteDisks === true ? { deleteDisks: true } : {};
  const deleted = await cluster.call(deleteVm, { params: { name }, query });
  report(context, deleted, () =>
    [
      `${name} is deleted.`,
      ...deleted.disks.map((disk) =>
        disk.deleted
          ? `  deleted  ${disk.path}`
          : `  kept     ${disk.path}${disk.reason === null ? '' : ` (${disk.reason})`}`,
      ),
    ].join('\n'),
  );
  return EXIT_DONE;
}
