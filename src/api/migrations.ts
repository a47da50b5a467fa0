import type { FastifyInstance } from 'fastify';
import { getMigration, listMigrations } from '../contract/migrations.ts';
import { GodwitError, NOTHING_CHANGED } from '../model/errors.ts';
import type { ApiContext } from './context.ts';
import { answer, serve } from './resource.ts';
import { migrationId, migrationViews } from './views.ts';

export function serveMigrations(app: FastifyInstance, context: ApiContext): void {
  serve(app, listMigrations, () => answer(200, migrationViews(context.reader.current())));
  serve(app, getMigration, ({ params: { id } }) => {
    const all = migrationViews(context.reader.current());
    const found = id === 'last' ? all[0] : all.find((view) => migrationId(view) === id);
    if (found !== undefined) return answer(200, found);
    throw new GodwitError({
      code: 'MIGRATION_NOT_FOUND',
      message: id === 'last' ? 'There has been no migration yet.' : `There is no migration with the id "${id}".`,
      state: NOTHING_CHANGED,
      nextStep: 'See `godwit migration list` for the ids.',
    });
  });
}
