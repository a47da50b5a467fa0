import { listMigrations, type MigrationView } from '../contract/migrations.ts';
import { phaseTitle } from '../migration/phases.ts';
import { formatMs } from '../model/units.ts';
import { type Context, EXIT_DONE, type ExitStatus, report } from './context.ts';
import type { Look } from './look.ts';
import { renderTable } from './table.ts';
import { ago } from './times.ts';

export async function migrationList(context: Context): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const migrations = await cluster.call(listMigrations);
  report(context, migrations, () =>
    migrations.length === 0
      ? 'There has been no migration yet.'
      : renderMigrations(migrations, context.output.look, Date.now()),
  );
  return EXIT_DONE;
}

export function renderMigrations(migrations: readonly MigrationView[], look: Look, nowMs: number): string {
  return renderTable(
    migrations.map((view) => (view.state === 'open' ? openRow(view.progress, look) : endedRow(view.receipt, look))),
    [
      { title: 'ID', value: (row) => row.id },
      { title: 'VM', value: (row) => row.vm, shrink: true },
      { title: 'WAY', value: (row) => `${row.source} → ${row.destination}` },
      { title: 'OUTCOME', value: (row) => row.outcome },
      { title: 'TOTAL', align: 'right', value: (row) => row.total },
      { title: 'BLACKOUT', align: 'right', value: (row) => row.blackout },
      { title: 'STARTED', value: (row) => ago(row.startedAt, nowMs) },
    ],
    // Ids are there to be copied, and lines may be longer than the terminal for it.
    { ...look, columns: Number.POSITIVE_INFINITY },
  );
}

type Open = Extract<MigrationView, { state: 'open' }>['progress'];
type Ended = Extract<MigrationView, { state: 'ended' }>['receipt'];

function openRow(progress: Open, look: Look) {
  const outcome = look.paint('cyan', phaseTitle(progress.phase));
  return { ...progress, outcome, total: formatMs(progress.elapsedMs), blackout: '–' };
}

function endedRow(receipt: Ended, look: Look) {
  const style = { completed: 'green', cancelled: 'yellow', failed: 'red' } as const;
  return {
    ...receipt,
    outcome: look.paint(style[receipt.outcome], receipt.outcome),
    total: formatMs(receipt.totalMs),
    blackout: receipt.blackoutMs === null ? '–' : formatMs(receipt.blackoutMs),
  };
}
