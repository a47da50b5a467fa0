import type { FastifyInstance } from 'fastify';
import { cancelMigration } from '../contract/migrations.ts';
import { isoDate } from '../migration/write-receipt.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import type { CancelRequest } from '../model/intent.ts';
import { keys } from '../model/keys.ts';
import type { MigrationId, VmName } from '../model/names.ts';
import { commitChange } from './commit.ts';
import type { ApiContext } from './context.ts';
import { readForDecision, requireVm } from './read-state.ts';
import { answer, serve } from './resource.ts';

export function serveCancelMigration(app: FastifyInstance, context: ApiContext): void {
  serve(app, cancelMigration, async ({ params: { name } }) =>
    answer(202, { migrationId: await requestCancel(context, name) }),
  );
}

/** Asks the source to cancel. Past the commit point it no longer can; the receipt then says so. */
async function requestCancel(context: ApiContext, vm: VmName): Promise<MigrationId> {
  return await commitChange(context, async () => {
    const { intent, cancel } = requireVm(await readForDecision(context, vm), vm);
    if (intent === null) throw noneRunning(vm);
    const { migrationId } = intent.value;
    const at = isoDate(context.clock.wallMs());
    const value: CancelRequest = { migrationId, reason: 'cancelled by the administrator', at };
    const key = keys.vmCancel(vm);
    return {
      transaction: {
        compare: [
          { key: keys.vmIntent(vm), modRevision: intent.modRevision },
          { key, modRevision: cancel?.modRevision ?? '0' },
        ],
        write: [{ put: key, value }],
      },
      proof: { key, value },
      result: migrationId,
    };
  });
}

function noneRunning(vm: VmName): GodwitError {
  return new GodwitError({
    code: 'NO_MIGRATION_RUNNING',
    message: `${vm} is not being migrated.`,
    state: NOTHING_CHANGED,
    nextStep: 'See `godwit migration list` for what has become of its migrations.',
  });
}
