import { cancelMigration } from '../contract/migrations.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';

export async function vmCancel(context: Context, name: string): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const answer = await cluster.call(cancelMigration, { params: { name } });
  report(
    context,
    { vm: name, ...answer },
    () =>
      `${name}: the source is asked to cancel. See \`godwit migration show ${answer.migrationId}\` for how it ended.`,
  );
  return EXIT_DONE;
}
