import { type MigrateVmBody, type MigrationDryRun, type MigrationStarted, migrateVm } from '../contract/migrations.ts';
import type { MigrationProgress } from '../migration/migration.ts';
import type { Receipt } from '../migration/receipt.ts';
import { type ErrorBody, NOTHING_CHANGED } from '../model/errors.ts';
import { formatBytes, formatMs } from '../model/units.ts';
import { type Context, EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, type ExitStatus, report } from './context.ts';
import { printErrorBody } from './error-text.ts';
import { followMigration } from './follow-migration.ts';
import { forecastText } from './forecast-text.ts';
import { showProgress } from './progress-display.ts';
import { renderReceipt } from './receipt-view.ts';
import { renderTable } from './table.ts';

export interface MigrateOptions {
  readonly to?: string;
  readonly mode?: 'live' | 'quick' | 'offline';
  readonly budget?: number;
  /** Milliseconds, as `budget`. */
  readonly budgetMax?: number;
  /** Bytes per second. */
  readonly bandwidth?: number;
  readonly migrationTls?: 'on' | 'off';
  readonly dryRun?: boolean;
  readonly wait: boolean;
}

export async function vmMigrate(context: Context, name: string, options: MigrateOptions): Promise<ExitStatus> {
  const cluster = await context.openCluster();
  const answer = await cluster.call(migrateVm, { params: { name }, body: bodyOf(options) });
  if (answer.dryRun) return reportDryRun(context, answer);
  if (!options.wait) {
    report(context, answer, () => startedText(answer));
    return EXIT_DONE;
  }
  if (!context.json) context.output.print(`${planText(answer)}\n`);
  const display = showProgress(context, waitingProgress(answer));
  const interrupted = onInterrupt(() => {
    display.end();
    context.output.printError(
      `The migration of ${name} goes on. Cancel it with \`godwit vm cancel ${name}\`, or see how far it is with \`godwit migration show ${answer.migrationId}\`.`,
    );
  });
  const followed = followMigration({
    id: answer.migrationId,
    vm: name,
    followers: cluster.followers(),
    onProgress: display.show,
    onNote: display.note,
  });
  try {
    const receipt = await Promise.race([followed, interrupted.pressed]);
    if (receipt === null) return EXIT_INTERRUPTED;
    display.finish(receipt);
    return reportReceipt(context, receipt);
  } finally {
    display.end();
    interrupted.ignore();
  }
}

/** The receipt is printed however the migration ended. */
export function reportReceipt(context: Context, receipt: Receipt): ExitStatus {
  report(context, receipt, () => renderReceipt(receipt, context.output.look));
  if (receipt.outcome === 'completed') return EXIT_DONE;
  printErrorBody(context, errorOf(receipt));
  return EXIT_FAILED;
}

function errorOf(receipt: Receipt): ErrorBody {
  const cancelled = receipt.outcome === 'cancelled';
  const gaveUp = receipt.decisions.some((decision) => decision.what === 'give-up');
  return {
    code: cancelled ? 'MIGRATION_CANCELLED' : 'MIGRATION_FAILED',
    message: `The migration of ${receipt.vm} from ${receipt.source} to ${receipt.destination} ${cancelled ? 'was cancelled' : 'failed'}: ${receipt.reason ?? 'no reason recorded'}`,
    state:
      receipt.endedIn === 'commitment-and-activation'
        ? `The commit point was passed; see where ${receipt.vm} is with \`godwit vm show ${receipt.vm}\`.`
        : `${receipt.vm} still belongs to ${receipt.source}.`,
    nextStep: cancelled
      ? `Migrate it again when you like: \`godwit vm migrate ${receipt.vm}\`.`
      : gaveUp
        ? `Try again when the guest is quieter, or allow a longer blackout with --budget-max.`
        : `Look at the reason in \`godwit migration show ${receipt.id}\`, then migrate it again.`,
    details: { migrationId: receipt.id, endedIn: receipt.endedIn },
  };
}

function bodyOf(options: MigrateOptions): MigrateVmBody {
  return {
    ...(options.to !== undefined && { to: options.to }),
    ...(options.mode !== undefined && { mode: options.mode }),
    ...(options.budget !== undefined && { budgetMs: options.budget }),
    ...(options.budgetMax !== undefined && { budgetMaxMs: options.budgetMax }),
    ...(options.bandwidth !== undefined && { bandwidthBytesPerSecond: options.bandwidth }),
    ...(options.migrationTls !== undefined && { encrypted: options.migrationTls === 'on' }),
    ...(options.dryRun === true && { dryRun: true }),
  };
}

function startedText(started: MigrationStarted): string {
  const { vm, source, destination, migrationId } = started;
  return `${vm} is moving from ${source} to ${destination}. See \`godwit migration show ${migrationId}\`.\n${planText(started)}`;
}

/** What is expected, and how the memory goes over if not as it is. */
function planText(plan: Pick<MigrationStarted, 'forecast' | 'compression' | 'compressionReason'>): string {
  const compression =
    plan.compression === 'none' ? '' : `\nCompression: ${plan.compression}, because ${plan.compressionReason}`;
  return `Forecast: ${forecastText(plan.forecast)}${compression}`;
}

function reportDryRun(context: Context, answer: MigrationDryRun): ExitStatus {
  report(context, answer, () => dryRunText(context, answer));
  if (answer.possible) return EXIT_DONE;
  const where = answer.destination === null ? '' : ` to ${answer.destination}`;
  printErrorBody(context, {
    code: 'MIGRATION_NOT_POSSIBLE',
    message: `${answer.vm} cannot be migrated${where} now.`,
    state: NOTHING_CHANGED,
    nextStep: 'Remove the reasons against it, or name another node with --to.',
    details: { reasons: answer.reasons },
  });
  return EXIT_FAILED;
}

function dryRunText(context: Context, answer: MigrationDryRun): string {
  const { look } = context.output;
  const candidates = renderTable(
    answer.candidates,
    [
      { title: 'NODE', value: (row) => row.node },
      { title: 'POSSIBLE', value: (row) => (row.possible ? 'yes' : 'no') },
      {
        title: 'FREE',
        align: 'right',
        value: (row) => (row.freeMemoryBytes === null ? '–' : formatBytes(row.freeMemoryBytes)),
      },
      { title: 'AGAINST IT', value: (row) => row.reasons.join('; ') },
    ],
    // Reasons are the point of it: they are never cut.
    { ...look, columns: Number.POSITIVE_INFINITY },
  );
  if (!answer.possible || answer.destination === null) return candidates;
  const { budgetMs, budgetMaxMs } = answer;
  const head = `${answer.vm} can move from ${answer.source ?? 'its owner'} to ${answer.destination}. Nothing was changed.`;
  const widened = budgetMaxMs > budgetMs ? `, ${formatMs(budgetMaxMs)} if it cannot be kept` : '';
  return `${head}\n${planText(answer)}\nBudget: ${formatMs(budgetMs)}${widened}\n\n${candidates}`;
}

/** What is shown until the source says something. */
function waitingProgress(started: MigrationStarted): MigrationProgress {
  return {
    id: started.migrationId,
    vm: started.vm,
    source: started.source,
    destination: started.destination,
    mode: started.mode,
    phase: 'pre-migration',
    startedAt: started.requestedAt,
    elapsedMs: 0,
    budgetMs: started.budgetMs,
    memoryBytes: 0,
    transferredBytes: 0,
    remainingBytes: 0,
    bandwidthBytesPerSecond: 0,
    remainingMs: null,
    phases: [],
    rounds: [],
    decisions: [],
    outcome: null,
  };
}

function onInterrupt(say: () => void): { readonly pressed: Promise<null>; ignore(): void } {
  const { promise, resolve } = Promise.withResolvers<null>();
  const pressed = () => {
    say();
    resolve(null);
  };
  process.once('SIGINT', pressed);
  return { pressed: promise, ignore: () => process.removeListener('SIGINT', pressed) };
}
